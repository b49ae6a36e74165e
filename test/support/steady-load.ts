import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Visitor } from './visitor.ts'

const PAUSE_MS = 5
const ASKING_AT_ONCE = 4

export interface SteadyLoad {
  /** The number of responses so far, by status and node: `200 app-1`. */
  answers: Map<string, number>
  stop(): Promise<void>
}

/** Sends concurrent requests for the user until it is stopped or the test ends. A missing response counts as `error`. */
export function startSteadyLoad(t: TestContext, visitor: Visitor): SteadyLoad {
  const answers = new Map<string, number>()
  let isStopped = false

  async function keepAsking(): Promise<void> {
    while (!isStopped) {
      const seen = await visitor.whoAmI().then(
        ({ status, servedBy }) => `${status} ${servedBy}`,
        (error: Error) => `error ${error.message}`,
      )
      answers.set(seen, (answers.get(seen) ?? 0) + 1)
      await sleep(PAUSE_MS)
    }
  }

  const asking = Array.from({ length: ASKING_AT_ONCE }, keepAsking)
  async function stop(): Promise<void> {
    isStopped = true
    await Promise.all(asking)
  }
  t.after(stop)
  return { answers, stop }
}

export const failures = ({ answers }: SteadyLoad) => [...answers].filter(([seen]) => !seen.startsWith('200 '))
