import { type Cell, renderHtmlTable, renderPage, text, verdictCell } from 'loadtest/lib/report-frame'
import { writeReport } from '../support/write-report.ts'
import { type Outcome, type Verdict, verdictOf } from './fault.ts'
import {
  EXIT_STATUS,
  type FaultReport,
  type FaultVerdict,
  notesOn,
  renderText,
  responsesIn,
  seconds,
  verdictOn,
} from './report.ts'

const OWN_STYLE = `
  tbody th { min-width: 12rem; } td small { display: block; } td span { white-space: nowrap; }
  /* On a phone, the verdict has to be visible without scrolling sideways. */
  @media (max-width: 40rem) { tbody th { min-width: 8rem; } }
  meter { width: 6rem; height: .8rem; display: block; }
`

const WORDS: Record<FaultVerdict, { result: string; sentence: string }> = {
  PROVED: { result: 'Survived', sentence: 'No session was lost, and every threshold passes.' },
  'NOT PROVED': { result: 'Not survived', sentence: 'The stack did not survive every fault: see below.' },
  'TOO SLOW TO JUDGE': {
    result: 'Too slow to judge',
    sentence: 'No session was lost, but this machine is too slow to judge every threshold: see below.',
  },
}

/** Prints a report, writes its files and sets the exit status of the program. */
export async function publish(report: FaultReport): Promise<void> {
  const path = await writeReport(report.name, report, renderHtml(report))
  console.log(`\n${renderText(report)}\nThe report is ${path}`)
  process.exitCode = EXIT_STATUS[verdictOn(report)]
}

function renderHtml(report: FaultReport): string {
  const { name, load, url, finishedAt, outcomes, controls, balance } = report
  const verdict = verdictOn(report)
  const { result, sentence } = WORDS[verdict]
  return renderPage({
    title: name === 'soak' ? 'A fault every half minute' : 'Faults: what users saw, and what was lost',
    result,
    verdict: { isGood: verdict === 'PROVED', sentence },
    about: `${load} to ${url}, finished ${finishedAt}`,
    style: OWN_STYLE,
    sections: [
      outcomes.length === 0 ? '' : outcomeTable(outcomes),
      controls.length === 0 ? '' : controlTable(controls),
      balance.length === 0 ? '' : balanceTable(balance),
    ],
  })
}

const CLASSES: Record<Verdict, string> = { survived: 'good', FAILED: 'no', 'too slow to judge': '' }

function outcomeTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome): [string, ...Cell[]] => {
    const { title, name, slowestMs, boundSlowestMs, lost, recoverMs, boundRecoverMs } = outcome
    const saw = responsesIn(outcome).map((one) => `<span>${text(one)}</span>`)
    const verdict = verdictOf(outcome)
    const reasons = [...outcome.missed, ...outcome.tooSlow, ...notesOn(outcome)]
    const small = reasons.map((reason) => `<small>${text(reason)}</small>`).join('')
    return [
      `${text(title)}<br><code class="dim">${text(name)}</code>`,
      { html: verdict + small, className: CLASSES[verdict] },
      { html: String(lost), className: lost === 0 ? '' : 'no' },
      saw.join(', '),
      timeAndBound(slowestMs, boundSlowestMs),
      timeAndBound(recoverMs, boundRecoverMs),
    ]
  })
  const head = ['Fault', 'Verdict', 'Sessions lost', 'Users saw', 'Slowest response', 'Recovered after']
  return `${renderHtmlTable(head, rows)}
<p class="dim">×70 means 70 responses. The drill also sends the cookies of ended sessions, and each must get 401. “No response” is a
connection that was refused or cut. The first time in a cell is what was seen, the second is the longest that passes.</p>`
}

function timeAndBound(ms: number | undefined, boundMs: number): string {
  const share = Math.min(1, (ms ?? boundMs) / boundMs)
  const words = `${seconds(ms)} of ${seconds(boundMs)}`
  return `<span>${words}</span><meter value="${share.toFixed(3)}" high="0.999" aria-label="${words}"></meter>`
}

function controlTable(controls: FaultReport['controls']): string {
  const rows = controls.map(({ title, fault, noticed }): [string, ...Cell[]] => [
    text(title),
    text(fault),
    verdictCell(noticed !== undefined, text(noticed ?? 'not noticed')),
  ])
  return `<h2>Controls: without this protection, the fault must be reported as failed</h2>
${renderHtmlTable(['Removed', 'Fault', 'Noticed'], rows)}`
}

function balanceTable(balance: FaultReport['balance']): string {
  const rows = balance.map(({ what, before, after, isLevel }): [string, ...Cell[]] => [
    text(what),
    String(before),
    String(after),
    verdictCell(isLevel, isLevel ? 'level' : 'not level'),
  ])
  return `<h2>Before and after</h2>
${renderHtmlTable(['', 'Before', 'After', ''], rows)}`
}
