import { mkdir, writeFile } from 'node:fs/promises'
import { STYLE, text } from '../../loadtest/lib/report-style.ts'
import { TOP } from '../lib/command.ts'
import { type Outcome, type Verdict, verdictOf } from './fault.ts'
import { type FaultReport, type FaultVerdict, notesOn, seconds, verdictOn } from './report.ts'

/** Writes NAME.html and NAME.json beside the reports of k6, and gives the path of the page. */
export async function writeReport(report: FaultReport): Promise<string> {
  const folder = `${TOP}/loadtest/report`
  await mkdir(folder, { recursive: true })
  await writeFile(`${folder}/${report.name}.json`, `${JSON.stringify(report, null, 2)}\n`)
  await writeFile(`${folder}/${report.name}.html`, renderHtml(report))
  return `loadtest/report/${report.name}.html`
}

const OWN_STYLE = `
  body { max-width: 72rem; }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
  th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line); } thead th { font-weight: 550; color: var(--dim); }
  tbody th { font-weight: 600; min-width: 12rem; } td small { display: block; } td span { white-space: nowrap; }
  meter { width: 6rem; height: .8rem; display: block; }
`

const WORDS: Record<FaultVerdict, { word: string; sentence: string }> = {
  PROVED: { word: 'Survived', sentence: 'Nothing was lost, and every bound was kept.' },
  'NOT PROVED': { word: 'Not survived', sentence: 'Not everything was survived: see below.' },
  'TOO SLOW TO JUDGE': {
    word: 'Too slow to judge',
    sentence: 'Nothing was lost, but this machine is too slow to judge every bound: see below.',
  },
}

/** A page that needs nothing but itself. */
function renderHtml(report: FaultReport): string {
  const { outcomes, controls, balance } = report
  const verdict = verdictOn(report)
  const { word, sentence } = WORDS[verdict]
  const title = report.name === 'soak' ? 'A fault every half minute' : 'Faults: what users saw, and what was lost'
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${word}: ${title}</title>
<style>${STYLE}${OWN_STYLE}</style>
<h1>${title}</h1>
<p class="verdict ${verdict === 'PROVED' ? 'good' : 'no'}">${sentence}</p>
<p class="dim">${text(report.load)} to ${text(report.url)}, finished ${text(report.finishedAt)}</p>
${outcomes.length === 0 ? '' : outcomeTable(outcomes)}
${controls.length === 0 ? '' : controlTable(controls)}
${balance.length === 0 ? '' : balanceTable(balance)}
</html>
`
}

const CLASSES: Record<Verdict, string> = { survived: 'good', FAILED: 'no', 'too slow to judge': '' }

function outcomeTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => {
    const { title, name, answers, slowestMs, boundSlowestMs, lost, recoverMs, boundRecoverMs } = outcome
    const saw = Object.entries(answers).map(
      ([status, times]) => `<span>${status === '0' ? 'no answer' : status}&nbsp;×${times}</span>`,
    )
    const verdict = verdictOf(outcome)
    const told = reasons([...outcome.missed, ...outcome.tooSlow, ...notesOn(outcome)])
    return `<tr><th scope="row">${text(title)}<br><code class="dim">${text(name)}</code></th><td>${saw.join(', ')}</td>
<td>${timeAndBound(slowestMs, boundSlowestMs)}</td><td class="${lost === 0 ? '' : 'no'}">${lost}</td><td>${timeAndBound(recoverMs, boundRecoverMs)}</td><td class="${CLASSES[verdict]}">${verdict}${told}</td></tr>`
  })
  return `<div class="scroll"><table><thead><tr><th scope="col">Fault</th><th scope="col">Users saw</th><th scope="col">Slowest answer</th><th scope="col">Sessions lost</th><th scope="col">Recovered</th><th scope="col">Verdict</th></tr></thead><tbody>${rows.join('\n')}</tbody></table></div>
<p class="dim">401 is what somebody gets who has logged out and tries the old cookie. “No answer” is a connection that was refused or cut.</p>`
}

const reasons = (missed: readonly string[]) => missed.map((reason) => `<small>${text(reason)}</small>`).join('')

function timeAndBound(ms: number | undefined, boundMs: number): string {
  const share = Math.min(1, (ms ?? boundMs) / boundMs)
  const words = `${seconds(ms)} of ${seconds(boundMs)}`
  return `<span>${words}</span><meter value="${share.toFixed(3)}" high="0.999" aria-label="${words}"></meter>`
}

function controlTable(controls: FaultReport['controls']): string {
  const rows = controls.map(
    ({ title, fault, noticed }) =>
      `<tr><th scope="row">${text(title)}</th><td>${text(fault)}</td><td class="${noticed ? 'good' : 'no'}">${noticed ? text(noticed) : 'not noticed'}</td></tr>`,
  )
  return `<h2>Controls: without what makes it survive, the fault must be reported as failed</h2>
<div class="scroll"><table><thead><tr><th scope="col">Taken away</th><th scope="col">Fault</th><th scope="col">Noticed</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}

function balanceTable(balance: FaultReport['balance']): string {
  const rows = balance.map(
    ({ what, before, after, isLevel }) =>
      `<tr><th scope="row">${text(what)}</th><td>${before}</td><td>${after}</td><td class="${isLevel ? 'good' : 'no'}">${isLevel ? 'level' : 'not level'}</td></tr>`,
  )
  return `<h2>Before and after</h2>
<table><thead><tr><th scope="col"></th><th scope="col">Before</th><th scope="col">After</th><th scope="col"></th></tr></thead><tbody>${rows.join('')}</tbody></table>`
}
