import { mkdir, writeFile } from 'node:fs/promises'
import { TOP } from '../lib/command.ts'
import type { Outcome } from './fault.ts'

/** What a run found. The JSON report is this; the table and the page are this drawn. */
export interface FaultReport {
  name: 'chaos' | 'soak'
  url: string
  finishedAt: string
  load: string
  outcomes: Outcome[]
  /** Faults on a stack that lacks what makes it survive, and whether that was noticed. */
  controls: { title: string; fault: string; noticed: string | undefined }[]
  /** What has to be at the end as it was at the beginning. */
  balance: { what: string; before: number; after: number; isLevel: boolean }[]
}

const seconds = (ms: number | undefined) => (ms === undefined ? 'never' : `${(ms / 1000).toFixed(1)} s`)

/** Whether everything was survived, and every control was noticed. */
export function isProved({ outcomes, controls, balance }: FaultReport): boolean {
  return (
    outcomes.length + controls.length > 0 &&
    outcomes.every((outcome) => outcome.missed.length === 0) &&
    controls.every(({ noticed }) => noticed !== undefined) &&
    balance.every(({ isLevel }) => isLevel)
  )
}

const HEAD = ['fault', 'users saw', 'slowest', 'lost', 'recovered', 'bound', 'verdict']

function row(outcome: Outcome): string[] {
  const { title, answers, slowestMs, boundSlowestMs, lost, recoverMs, boundRecoverMs, missed } = outcome
  const saw = Object.entries(answers).map(([status, times]) => `${status === '0' ? 'no answer' : status} ×${times}`)
  return [
    title,
    saw.join(', '),
    `${seconds(slowestMs)} of ${seconds(boundSlowestMs)}`,
    String(lost),
    seconds(recoverMs),
    seconds(boundRecoverMs),
    missed.length === 0 ? 'survived' : 'FAILED',
  ]
}

/** The report for the terminal. */
export function renderText(report: FaultReport): string {
  const { outcomes, controls, balance } = report
  const lines: string[] = []
  if (outcomes.length > 0) lines.push(...table([HEAD, ...outcomes.map(row)]), '')
  for (const { name, missed: reasons } of outcomes) lines.push(...reasons.map((reason) => `${name}: ${reason}`))
  for (const { title, fault, noticed } of controls)
    lines.push(`${noticed ? 'noticed' : 'NOT NOTICED'}  ${title}: ${fault}${noticed ? ` (${noticed})` : ''}`)
  for (const { what, before, after, isLevel } of balance)
    lines.push(`${isLevel ? 'level' : 'NOT LEVEL'}  ${what}: ${before} before, ${after} after`)
  return [...lines, isProved(report) ? 'PROVED' : 'NOT PROVED'].join('\n')
}

function table(rows: readonly string[][]): string[] {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  return rows.map((cells) => `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ')}`.trimEnd())
}

/** Writes NAME.html and NAME.json beside the reports of k6, and gives the path of the page. */
export async function writeReport(report: FaultReport): Promise<string> {
  const folder = `${TOP}/loadtest/report`
  await mkdir(folder, { recursive: true })
  await writeFile(`${folder}/${report.name}.json`, `${JSON.stringify(report, null, 2)}\n`)
  await writeFile(`${folder}/${report.name}.html`, renderHtml(report))
  return `loadtest/report/${report.name}.html`
}

const STYLE = `
  :root { color-scheme: light dark; --ink: #1c2430; --dim: #5b6675; --paper: #fbfbfa; --line: #d9dde3; --yes: #2b7a4b; --no: #b3261e; --bar: #3b6fb6; }
  @media (prefers-color-scheme: dark) { :root { --ink: #e8ebef; --dim: #9aa5b4; --paper: #14181e; --line: #323b47; --yes: #7fd3a0; --no: #ff8a80; --bar: #7aa7e0; } }
  body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 72rem; margin: 2.5rem auto; padding: 0 1.25rem; }
  h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2.25rem 0 .75rem; }
  p { margin: .25rem 0; } .dim { color: var(--dim); } .yes { color: var(--yes); } .no { color: var(--no); } .verdict { font-weight: 650; }
  .scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
  th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line); } thead th { font-weight: 550; color: var(--dim); }
  tbody th { font-weight: 600; min-width: 12rem; } td small { display: block; color: var(--no); } td span { white-space: nowrap; }
  meter { width: 6rem; height: .8rem; display: block; }
`

/** A page that needs nothing but itself. */
function renderHtml(report: FaultReport): string {
  const { outcomes, controls, balance } = report
  const proved = isProved(report)
  const title = report.name === 'soak' ? 'A fault every half minute' : 'Faults: what users saw, and what was lost'
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${proved ? 'Survived' : 'Not survived'}: ${title}</title>
<style>${STYLE}</style>
<h1>${title}</h1>
<p class="verdict ${proved ? 'yes' : 'no'}">${proved ? 'Nothing was lost, and every bound was kept.' : 'Not everything was survived: see below.'}</p>
<p class="dim">${text(report.load)} to ${text(report.url)}, finished ${text(report.finishedAt)}</p>
${outcomes.length === 0 ? '' : outcomeTable(outcomes)}
${controls.length === 0 ? '' : controlTable(controls)}
${balance.length === 0 ? '' : balanceTable(balance)}
</html>
`
}

function outcomeTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => {
    const { title, name, answers, slowestMs, boundSlowestMs, lost, recoverMs, boundRecoverMs, missed } = outcome
    const saw = Object.entries(answers).map(
      ([status, times]) => `<span>${status === '0' ? 'no answer' : status}&nbsp;×${times}</span>`,
    )
    const verdict =
      missed.length === 0 ? '<td class="yes">survived</td>' : `<td class="no">FAILED${reasons(missed)}</td>`
    return `<tr><th scope="row">${text(title)}<br><code class="dim">${text(name)}</code></th><td>${saw.join(', ')}</td>
<td>${timeAndBound(slowestMs, boundSlowestMs)}</td><td class="${lost === 0 ? '' : 'no'}">${lost}</td><td>${timeAndBound(recoverMs, boundRecoverMs)}</td>${verdict}</tr>`
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
      `<tr><th scope="row">${text(title)}</th><td>${text(fault)}</td><td class="${noticed ? 'yes' : 'no'}">${noticed ? text(noticed) : 'not noticed'}</td></tr>`,
  )
  return `<h2>Controls: without what makes it survive, the fault must be reported as failed</h2>
<div class="scroll"><table><thead><tr><th scope="col">Taken away</th><th scope="col">Fault</th><th scope="col">Noticed</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}

function balanceTable(balance: FaultReport['balance']): string {
  const rows = balance.map(
    ({ what, before, after, isLevel }) =>
      `<tr><th scope="row">${text(what)}</th><td>${before}</td><td>${after}</td><td class="${isLevel ? 'yes' : 'no'}">${isLevel ? 'level' : 'not level'}</td></tr>`,
  )
  return `<h2>Before and after</h2>
<table><thead><tr><th scope="col"></th><th scope="col">Before</th><th scope="col">After</th><th scope="col"></th></tr></thead><tbody>${rows.join('')}</tbody></table>`
}

/** Names of nodes and messages come from the network. */
const text = (raw: string) => raw.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
