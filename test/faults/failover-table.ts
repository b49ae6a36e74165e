import type { Outcome } from './fault.ts'

/** A fault that was repeated with one setting. */
export interface Row {
  setting: string
  fault: string
  /** Whether a protection was removed, so that something must be lost. */
  isControl: boolean
  outcomes: Outcome[]
}

const HEAD = [
  'Setting',
  'Fault',
  'Times',
  'Lost logins',
  'Lost by rotation',
  'Logouts that came back',
  'Seconds without service',
]

/** The table of docs/faults.md. The times are the lowest, the median and the highest. */
export function renderTable(rows: readonly Row[]): string {
  const lines = [HEAD, HEAD.map(() => '---'), ...rows.map(cells)].map((words) => `| ${words.join(' | ')} |`)
  return `${lines.join('\n')}\n`
}

function cells({ setting, fault, outcomes }: Row): string[] {
  const sum = (pick: (losses: Outcome['losses']) => number) =>
    String(outcomes.reduce((total, { losses }) => total + pick(losses), 0))
  const seconds = outcomes.map(({ downMs }) => downMs / 1000).sort((a, b) => a - b)
  const at = (share: number) => (seconds[Math.floor(share * (seconds.length - 1))] ?? 0).toFixed(1)
  return [
    ...[setting, fault, String(outcomes.length)],
    ...[sum(({ logins }) => logins), sum(({ byRotation }) => byRotation), sum(({ returned }) => returned)],
    `${at(0)} / ${at(0.5)} / ${at(1)}`,
  ]
}
