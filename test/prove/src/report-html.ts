import { type Cell, renderHtmlTable, renderPage, text } from '../../../loadtest/lib/report-frame.ts'
import type { Verdict } from './finding.ts'
import { type Answered, type Outcome, outcomeOf, type Report } from './report.ts'

const SENTENCES: Record<Outcome, string> = {
  PROVED: 'Every question that the description asks was judged, and passed.',
  FAILED: 'The application failed at least one question.',
  'NOT PROVED': 'Nothing failed, but not every question could be judged.',
}
const CLASSES: Record<Verdict, string> = { PASS: 'good', FAIL: 'no', 'NOT JUDGED': 'dim' }
const OWN_STYLE = `
  tbody th { min-width: 11rem; } td:nth-child(2) { white-space: nowrap; font-weight: 600; } pre { font: .8rem/1.4 ui-monospace, monospace; margin: .25rem 0; overflow-x: auto; }
`

/** One self-contained page. */
export function renderHtml(report: Report): string {
  const { name, url, nodes, answers, requests, seconds, startedAt } = report
  const outcome = outcomeOf(report)
  const failed = answers
    .filter(({ verdict }) => verdict === 'FAIL')
    .map(({ title, concluded }) => `${title}: ${concluded}`)
  const seen = nodes.length === 0 ? 'nodes without names' : nodes.join(', ')
  return renderPage({
    title: `Sessions of ${name}`,
    result: outcome,
    verdict: { isGood: outcome === 'PROVED', sentence: SENTENCES[outcome] },
    reasons: failed,
    about: `${requests} requests to ${url} (${seen}) in ${seconds.toFixed(1)} s, started ${startedAt}`,
    style: OWN_STYLE,
    sections: [renderHtmlTable(['Question', 'Verdict', 'What the run did, saw and concluded'], answers.map(row))],
  })
}

function row({ id, title, verdict, did, saw, concluded }: Answered): [string, ...Cell[]] {
  const lines = saw.map((line) =>
    line.includes('\n') ? `<pre>${text(line)}</pre>` : `<p class="dim">${text(line)}</p>`,
  )
  return [
    `${text(title)}<br><code class="dim">${text(id)}</code>`,
    { html: verdict, className: CLASSES[verdict] },
    `<p>${text(did)}</p>${lines.join('')}<p><b>${text(concluded)}</b></p>`,
  ]
}
