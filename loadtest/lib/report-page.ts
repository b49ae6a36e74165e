import type { Check, LogoutCount } from './judge.ts'
import { describe, type Matrix, type Sums } from './matrix.ts'
import { STYLE, text } from './report-style.ts'

export interface Finding {
  metric: string
  condition: string
  ok: boolean
}

/** What a run found. The JSON report is this; the page is this drawn. */
export interface ProofReport {
  name: string
  /** The judge's verdict. Nothing else is one: not k6's exit status, and no threshold. */
  proved: boolean
  /** Why not. */
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

const OWN_STYLE = `
  :root { --yes: 150 55% 38%; } @media (prefers-color-scheme: dark) { :root { --yes: 150 50% 34%; } }
  table { border-collapse: separate; border-spacing: 4px; margin-left: -4px; }
  th { text-align: left; font-weight: 550; padding: .35rem .6rem; } td { padding: .35rem .6rem; }
  .map td { min-width: 7rem; height: 3.75rem; text-align: center; border-radius: 6px; color: #fff; font-weight: 600; font-variant-numeric: tabular-nums; }
  .map td small { display: block; font-weight: 400; } .map td.empty { color: var(--no); border: 2px dashed var(--no); } .map td.bad { background: #b3261e; }
  .bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: .35rem .75rem; align-items: center; font-variant-numeric: tabular-nums; }
  .bars i { display: block; height: .9rem; border-radius: 3px; background: #3b6fb6; min-width: 2px; }
  .list { border-spacing: 0; width: 100%; } .list td, .list th { border-bottom: 1px solid var(--line); } .list td:first-child { width: 3.5rem; }
  code { font: .875em ui-monospace, monospace; }
`

/** A page that needs nothing but itself. */
export function renderHtml(report: ProofReport): string {
  const { proved } = report
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${proved ? 'Proved' : 'Not proved'}: one session, ${report.nodes.length} nodes</title>
<style>${STYLE}${OWN_STYLE}</style>
<h1>One session, ${report.nodes.length} nodes</h1>
<p class="verdict${proved ? '' : ' no'}">${proved ? 'Proved.' : 'Not proved.'}</p>
${report.reasons.length > 0 ? `<ul class="no">${report.reasons.map((reason) => `<li>${text(reason)}</li>`).join('')}</ul>` : ''}
<p class="dim">${report.requests} requests to ${text(report.url)} in ${report.seconds.toFixed(1)} s, finished ${text(report.finishedAt)}</p>
${report.matrix.length > 0 ? heatMap(report) : ''}
<h2>Time to answer, in milliseconds</h2>
${bars(report.latency)}
<h2>Checks</h2>
<table class="list"><tbody>${report.checks.map((check) => row(check.failed === 0, text(check.name), `${check.passed} of ${check.passed + check.failed}`)).join('')}</tbody></table>
<h2>Conditions</h2>
<table class="list"><tbody>${report.findings.map(({ ok, metric, condition }) => row(ok, `<code>${text(metric)}</code>`, `<code>${text(condition)}</code>`)).join('')}</tbody></table>
</html>
`
}

function heatMap({ matrix, nodes, minPerCell }: ProofReport): string {
  const most = Math.max(1, ...matrix.map((cell) => cell.honoured))
  const rows = nodes.map((createdOn) => {
    const cells = matrix.filter((cell) => cell.createdOn === createdOn)
    return `<tr><th scope="row">${text(createdOn)}</th>${cells.map((cell) => heatCell(cell, most)).join('')}</tr>`
  })
  return `<h2>Who honoured whose sessions</h2>
<p class="dim">${text(describe(matrix)).replace('\n', '. ')}. Each pair is needed at least ${minPerCell} times.</p>
<div class="scroll"><table class="map"><thead><tr><th>created on \\ served by</th>${nodes.map((node) => `<th scope="col">${text(node)}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}

function heatCell({ honoured, refused }: Matrix[number], most: number): string {
  if (refused > 0) return `<td class="bad">${refused} refused<small>${honoured} honoured</small></td>`
  if (honoured === 0) return '<td class="empty">never seen</td>'
  const strength = 0.8 + 0.2 * (honoured / most)
  return `<td style="background: hsl(var(--yes) / ${strength.toFixed(2)})">${honoured}<small>honoured</small></td>`
}

function bars(latency: ProofReport['latency']): string {
  const longest = Math.max(0.001, ...latency.map(({ ms }) => ms))
  const lines = latency.map(
    ({ point, ms }) =>
      `<span>${text(point)}</span><i style="width: ${((100 * ms) / longest).toFixed(1)}%"></i><span>${ms.toFixed(1)}</span>`,
  )
  return `<div class="bars">${lines.join('')}</div>`
}

const row = (ok: boolean, what: string, value: string) =>
  `<tr><td class="${ok ? '' : 'no'}">${ok ? 'pass' : 'FAIL'}</td><td>${what}</td><td>${value}</td></tr>`
