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

export const seconds = (ms: number | undefined) => (ms === undefined ? 'never' : `${(ms / 1000).toFixed(1)} s`)

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
