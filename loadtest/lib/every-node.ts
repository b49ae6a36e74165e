import { createRound } from '../../app/page/shared/round.ts'
import { settings } from './settings.ts'
import type { Answer } from './visitor.ts'

/** Sends requests until every node has served enough of them, and passes each response to `look`. */
export function askEveryNode(ask: () => Answer, look: (answer: Answer) => void): void {
  const { nodes, minPerCell } = settings
  const round = createRound({ nodes: () => nodes, times: minPerCell })
  while (round.goesOn()) {
    const answer = ask()
    look(answer)
    round.add(answer.servedBy)
  }
}
