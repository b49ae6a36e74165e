import type { Answer } from './answers.ts'
import { wait } from './dom.ts'
import type { Matrix } from './matrix.ts'

interface Parts {
  matrix: Matrix
  /** Names of the nodes that take part. */
  nodes: () => string[]
  createdOn: () => string | undefined
  whoAmI: () => Promise<Answer>
  /** Logs in in the place of this session. False if that cannot be done. */
  logInAgain: () => Promise<boolean>
}

export interface Proof {
  /** Asks until every node has been asked `times` times with the session that there is. */
  fillRow(times: number): Promise<void>
  /** Logs in again until every node has created a session, and fills the row of each. */
  fillAll(): Promise<void>
}

/** Slow enough to be watched. */
const PAUSE_MS = 260
const MOST_LOGINS_PER_NODE = 5

/** What `make loadtest` proves, in the browser of whoever looks on. */
export function createProof({ matrix, nodes, createdOn, whoAmI, logInAgain }: Parts): Proof {
  async function fillRow(times: number): Promise<void> {
    const asked = new Map<string, number>()
    const most = 3 * times * nodes().length
    for (let sent = 0; sent < most && nodes().some((node) => (asked.get(node) ?? 0) < times); sent++) {
      const { status, servedBy } = await whoAmI()
      // Refused or honoured, it is an answer. Anything else says that this is not the moment.
      if (status !== 200 && status !== 401) return
      if (createdOn() === undefined) return
      asked.set(servedBy, (asked.get(servedBy) ?? 0) + 1)
      await wait(PAUSE_MS)
    }
  }

  async function fillAll(): Promise<void> {
    const isFull = (node: string) => nodes().every((servedBy) => matrix.isAsked(node, servedBy))
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
