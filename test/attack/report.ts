import { type Outcome, verdictOf } from './attack.ts'

const HEAD = ['attack', 'what others saw meanwhile', 'verdict']

/** The table for the terminal, and why an attack got through. */
export function renderText(outcomes: readonly Outcome[]): string {
  const rows = [HEAD, ...outcomes.map((outcome) => [outcome.title, outcome.others, verdictOf(outcome)])]
  const widths = HEAD.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  const table = rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd(),
  )
  const reasons = outcomes.flatMap(({ name, gotThrough }) => gotThrough.map((reason) => `${name}: ${reason}`))
  const stopped = outcomes.filter((outcome) => verdictOf(outcome) === 'stopped').length
  return [...table, '', ...reasons, `${stopped} of ${outcomes.length} attacks stopped`].join('\n')
}
