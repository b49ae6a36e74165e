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

/** The matrix of `make loadtest`, in the browser, counted by the same rules. */
export function createProof({ count, nodes, createdOn, whoAmI, logInAgain }: Parts): Proof {
  async function fillRow(times: number): Promise<void> {
    const round = createRound({ nodes, times })
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
    const logins = createRound({ nodes, times: 1 })
    // One try for each row: a balancer that keeps a session on one node does so with the next login too.
    const tried = new Set([createdOn()])
    logins.add(createdOn() ?? '')
    await fillRow(1)
    while (logins.goesOn() && !nodes().every(isFull)) {
      if (!(await logInAgain())) return
      await wait(PAUSE_MS)
      const origin = createdOn()
      logins.add(origin ?? '')
      if (origin === undefined || isFull(origin) || tried.has(origin)) continue
      tried.add(origin)
      await fillRow(1)
    }
  }

  return { fillRow, fillAll }
}
