interface Aim {
  /** The nodes that must serve. They may change during the round. */
  nodes: () => readonly string[]
  /** How many requests each of them must serve. */
  times: number
}

/**
 * A balancer may pass over a node, because it also serves others, or chooses at random. After so many times the requests that
 * are needed, the round ends. A node of three gets none of 30 requests by chance once in 60,000 rounds.
 */
const PATIENCE = 10

export interface Round {
  /** Whether another request is needed. */
  goesOn(): boolean
  /** Counts one request. */
  add(servedBy: string): void
}

/** Counts requests until every node has served enough of them. The page, the k6 scripts and `make prove` share it. */
export function createRound({ nodes, times }: Aim): Round {
  const served = new Map<string, number>()
  let sent = 0
  return {
    goesOn: () => sent < PATIENCE * times * nodes().length && nodes().some((node) => (served.get(node) ?? 0) < times),
    add(servedBy) {
      sent++
      served.set(servedBy, (served.get(servedBy) ?? 0) + 1)
    },
  }
}
