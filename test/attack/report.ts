import { renderTable } from 'loadtest/lib/table'
import { type Outcome, verdictOf } from './attack.ts'

const HEAD = ['attack', 'what other users saw', 'verdict']

/** Renders the table for the terminal and the reasons why attacks succeeded. */
export function renderText(outcomes: readonly Outcome[]): string {
  const rows = [HEAD, ...outcomes.map((outcome) => [outcome.title, outcome.others, verdictOf(outcome)])]
  const reasons = outcomes.flatMap(({ name, gotThrough }) => gotThrough.map((reason) => `${name}: ${reason}`))
  const stopped = outcomes.filter((outcome) => verdictOf(outcome) === 'stopped').length
  return [renderTable(rows), '', ...reasons, `${stopped} of ${outcomes.length} attacks stopped`].join('\n')
}
