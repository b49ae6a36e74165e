import { renderTable } from 'loadtest/lib/table'
import { type Outcome, verdictOf } from './fault.ts'

/** The results of a run. The JSON report is exactly this. The table and the page show it. */
export interface FaultReport {
  name: 'chaos' | 'soak'
  url: string
  finishedAt: string
  load: string
  outcomes: Outcome[]
  /** Faults on a stack without a protection, and how the run noticed that. */
  controls: { title: string; fault: string; noticed: string | undefined }[]
  /** What must be the same at the end as at the start. */
  balance: { what: string; before: number; after: number; isLevel: boolean }[]
}

export const seconds = (ms: number | undefined) => (ms === undefined ? 'never' : `${(ms / 1000).toFixed(1)} s`)

export type FaultVerdict = 'PROVED' | 'NOT PROVED' | 'TOO SLOW TO JUDGE'

/** Proved if the stack survived every fault, every control was noticed, and at least one fault or control ran. */
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

/** Notes that do not affect the verdict: sessions that the stack itself ended and published as ended. */
export function notesOn({ byStack }: Outcome): string[] {
  const found = Object.entries(byStack).map(([what, times]) => `${times} ${what}`)
  return found.length === 0 ? [] : [`by the stack itself, no loss: ${found.join(', ')}`]
}

/**
 * The responses by status. If no session was lost, each 401 is an expected one: the recorder sends the cookies of ended
 * sessions, too.
 */
export function responsesIn({ answers, lost }: Pick<Outcome, 'answers' | 'lost'>): string[] {
  return Object.entries(answers).map(([status, times]) => {
    const count = `${status === '0' ? 'no response' : status} ×${times.toLocaleString('en')}`
    return status === '401' && lost === 0 ? `${count} (ended sessions, as expected)` : count
  })
}

const HEAD = ['fault', 'users saw', 'slowest', 'lost', 'recovered', 'bound', 'verdict']

function row(outcome: Outcome): string[] {
  const { title, slowestMs, boundSlowestMs, lost, recoverMs, boundRecoverMs } = outcome
  return [
    title,
    responsesIn(outcome).join(', '),
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
  if (outcomes.length > 0) lines.push(renderTable([HEAD, ...outcomes.map(row)]), '')
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
