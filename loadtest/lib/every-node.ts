import { settings } from './settings.ts'
import type { Answer } from './visitor.ts'

/**
 * Asks again and again until every node has answered often enough, and shows each answer to `look`. The other scenario
 * takes turns at the balancer too, so a node may be skipped now and then; but not for ever.
 */
export function askEveryNode(ask: () => Answer, look: (answer: Answer) => void): void {
  const { nodes, minPerCell } = settings
  const seen = new Map<string, number>()
  const isEnough = () => nodes.every((node) => (seen.get(node) ?? 0) >= minPerCell)
  for (let asked = 0; !isEnough() && asked < 4 * nodes.length * minPerCell; asked++) {
    const answer = ask()
    look(answer)
    seen.set(answer.servedBy, (seen.get(answer.servedBy) ?? 0) + 1)
  }
}
