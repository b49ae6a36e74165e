import { type Cell, type Matrix, stateOf } from '../../app/page/shared/matrix.ts'
import { BARS_STYLE, renderBars } from './bars.ts'
import type { Check, LogoutCount } from './judge.ts'
import { describe, type Sums } from './matrix-text.ts'
import { renderHtmlTable, renderPage, text, verdictCell } from './report-frame.ts'

export interface Finding {
  metric: string
  condition: string
  ok: boolean
}

/** The results of a run. The JSON report is exactly this, and the page shows it. */
export interface ProofReport {
  name: string
  /** The judge's verdict. It does not depend on k6's exit status or on a threshold alone. */
  proved: boolean
  /** The reasons if it is not proved. */
  reasons: string[]
  url: string
  nodes: string[]
  minPerCell: number
  finishedAt: string
  seconds: number
  requests: number
  matrix: Matrix
  sums: Sums
  logout: LogoutCount[]
  checks: Check[]
  findings: Finding[]
  latency: { point: string; ms: number }[]
}

const OWN_STYLE = `${BARS_STYLE}
  :root { --yes: 150 55% 38%; } @media (prefers-color-scheme: dark) { :root { --yes: 150 50% 34%; } }
  .map { border-collapse: separate; border-spacing: 4px; margin-left: -4px; width: auto; } .map th, .map td { border: 0; padding: .35rem .6rem; vertical-align: middle; }
  .map td { min-width: 7rem; height: 3.75rem; text-align: center; border-radius: 6px; color: #fff; font-weight: 600; }
  .map td small { display: block; font-weight: 400; } .map td.empty { color: var(--no); border: 2px dashed var(--no); } .map td.bad { background: #b3261e; }
  @media (max-width: 40rem) {
    .map { width: 100%; border-spacing: 2px; margin-left: 0; } .map td { min-width: 0; }
    .map th, .map td { padding: .35rem .2rem; font-size: .8125rem; } .map td small { font-size: .6875rem; }
  }
`

/** What was proved, in words. A lesson that runs alone proves a part. */
function sentenceOf({ proved, matrix, logout }: ProofReport): string {
  if (!proved) return 'Not proved, for these reasons:'
  const parts = [
    ...(matrix.length > 0 ? ['every node honours the sessions of all nodes'] : []),
    ...(logout.length > 0 ? ['after a logout every node rejects the session'] : []),
  ]
  return parts.length === 0 ? 'Proved.' : `Proved: ${parts.join(', and ')}.`
}

export function renderHtml(report: ProofReport): string {
  const { proved, reasons, url, nodes, seconds, requests, finishedAt, matrix, latency, checks, findings } = report
  const result = proved ? 'Proved' : 'Not proved'
  return renderPage({
    title: `One session, ${nodes.length} nodes`,
    result,
    verdict: { isGood: proved, sentence: sentenceOf(report) },
    reasons,
    about: `${requests} requests to ${url} in ${seconds.toFixed(1)} s, finished ${finishedAt}`,
    style: OWN_STYLE,
    sections: [
      matrix.length > 0 ? heatMap(report) : '',
      '<h2>Response time</h2>',
      renderBars(latency.map(({ point, ms }) => ({ name: point, pieces: [ms], label: `${ms.toFixed(1)} ms` }))),
      '<h2>Checks</h2>',
      renderHtmlTable(
        [],
        checks.map(({ name, passed, failed }) => [
          text(name),
          passOrFail(failed === 0),
          `${passed} of ${passed + failed}`,
        ]),
      ),
      '<h2>Thresholds</h2>',
      renderHtmlTable(
        [],
        findings.map(({ ok, metric, condition }) => [
          `<code>${text(metric)}</code>`,
          passOrFail(ok),
          `<code>${text(condition)}</code>`,
        ]),
      ),
    ],
  })
}

const passOrFail = (isGood: boolean) => verdictCell(isGood, isGood ? 'pass' : 'FAIL')

function heatMap({ matrix, nodes, minPerCell }: ProofReport): string {
  const most = Math.max(1, ...matrix.map((cell) => cell.honoured))
  const rows = nodes.map((createdOn) => {
    const cells = matrix.filter((cell) => cell.createdOn === createdOn)
    return `<tr><th scope="row">${text(createdOn)}</th>${cells.map((cell) => heatCell(cell, most)).join('')}</tr>`
  })
  return `<h2>Sessions honoured, by the node that created them and the node that served them</h2>
<p class="dim">${text(describe(matrix)).replace('\n', '. ')}. Each pair is needed at least ${minPerCell} times.</p>
<div class="scroll"><table class="map"><thead><tr><th>created on \\ served by</th>${nodes.map((node) => `<th scope="col">${text(node)}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}

function heatCell(cell: Cell, most: number): string {
  const { honoured, rejected } = cell
  const state = stateOf(cell)
  if (state === 'rejected') return `<td class="bad">${rejected} rejected<small>${honoured} honoured</small></td>`
  if (state === 'never seen') return '<td class="empty">never seen</td>'
  const strength = 0.8 + 0.2 * (honoured / most)
  return `<td style="background: hsl(var(--yes) / ${strength.toFixed(2)})">${honoured}<small>honoured</small></td>`
}
