import type { Answer } from './answers.ts'
import { wait } from './dom.ts'
import { findCell, type Matrix } from './shared/matrix.ts'
import { createRound } from './shared/round.ts'

interface Parts {
  count: Matrix
  /** Names of the nodes that take part. */
  nodes: () => string[]
  createdOn: () => string | undefined
  whoAmI: () => Promise<Answer>
  /** Replaces the session by a new login. Resolves to false if that failed. */
  logInAgain: () => Promise<boolean>
}

export interface Proof {
  /** Sends requests with the current session until every node has served `times` of them. */
  fillRow(times: number): Promise<void>
  /** Logs in until every node has created a session, and fills the row of each. */
  fillAll(): Promise<void>
}

/** Slow enough to watch. */
const PAUSE_MS = 260
/** Other tabs and the page itself send requests too, so the balancer may pass over a node. */
const PATIENCE = 3
const MOST_LOGINS_PER_NODE = 5

/** The matrix of `make loadtest`, in the browser, counted by the same rules. */
export function createProof({ count, nodes, createdOn, whoAmI, logInAgain }: Parts): Proof {
  async function fillRow(times: number): Promise<void> {
    const round = createRound({ nodes, times, patience: PATIENCE })
    while (round.goesOn()) {
      const { status, servedBy } = await whoAmI()
      // Any other answer says nothing about the session, for example a 503 without Redis.
      if (status !== 200 && status !== 401) return
      if (createdOn() === undefined) return
      round.add(servedBy)
      await wait(PAUSE_MS)
    }
  }

  async function fillAll(): Promise<void> {
    const isFull = (node: string) => nodes().every((servedBy) => findCell(count, node, servedBy) !== undefined)
    await fillRow(1)
    for (let logins = 0; logins < MOST_LOGINS_PER_NODE * nodes().length && !nodes().every(isFull); logins++) {
      if (!(await logInAgain())) return
      await wait(PAUSE_MS)
      const origin = createdOn()
      if (origin !== undefined && !isFull(origin)) await fillRow(1)
    }
  }

  return { fillRow, fillAll }
}
