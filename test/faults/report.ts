import { type Outcome, verdictOf } from './fault.ts'

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

export type FaultVerdict = 'PROVED' | 'NOT PROVED' | 'TOO SLOW TO JUDGE'

/** Proved if everything was survived, every control was noticed, and there was something at all. */
export function verdictOn({ outcomes, controls, balance }: FaultReport): FaultVerdict {
  const verdicts = outcomes.map(verdictOf)
  const isSound =
    outcomes.length + controls.length > 0 &&
    !verdicts.includes('FAILED') &&
    controls.every(({ noticed }) => noticed !== undefined) &&
    balance.every(({ isLevel }) => isLevel)
  if (!isSound) return 'NOT PROVED'
  return verdicts.includes('too slow to judge') ? 'TOO SLOW TO JUDGE' : 'PROVED'
}

export const EXIT_STATUS: Record<FaultVerdict, number> = { PROVED: 0, 'NOT PROVED': 1, 'TOO SLOW TO JUDGE': 3 }

/** What is no reason for a verdict, and is worth knowing: sessions that the stack ended by itself, as it had published. */
export function notesOn({ byStack }: Outcome): string[] {
  const found = Object.entries(byStack).map(([what, times]) => `${times} ${what}`)
  return found.length === 0 ? [] : [`by the stack itself, and no loss: ${found.join(', ')}`]
}

const HEAD = ['fault', 'users saw', 'slowest', 'lost', 'recovered', 'bound', 'verdict']

function row(outcome: Outcome): string[] {
  const { title, answers, slowestMs, boundSlowestMs, lost, recoverMs, boundRecoverMs } = outcome
  const saw = Object.entries(answers).map(([status, times]) => `${status === '0' ? 'no answer' : status} ×${times}`)
  return [
    title,
    saw.join(', '),
    `${seconds(slowestMs)} of ${seconds(boundSlowestMs)}`,
    String(lost),
    seconds(recoverMs),
    seconds(boundRecoverMs),
    verdictOf(outcome),
  ]
}

/** The report for the terminal. */
export function renderText(report: FaultReport): string {
  const { outcomes, controls, balance } = report
  const lines: string[] = []
  if (outcomes.length > 0) lines.push(...table([HEAD, ...outcomes.map(row)]), '')
  for (const outcome of outcomes) {
    const told = [...outcome.missed, ...outcome.tooSlow, ...notesOn(outcome)]
    lines.push(...told.map((reason) => `${outcome.name}: ${reason}`))
  }
  for (const { title, fault, noticed } of controls)
    lines.push(`${noticed ? 'noticed' : 'NOT NOTICED'}  ${title}: ${fault}${noticed ? ` (${noticed})` : ''}`)
  for (const { what, before, after, isLevel } of balance)
    lines.push(`${isLevel ? 'level' : 'NOT LEVEL'}  ${what}: ${before} before, ${after} after`)
  return [...lines, verdictOn(report)].join('\n')
}

function table(rows: readonly string[][]): string[] {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  return rows.map((cells) => `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ')}`.trimEnd())
}
