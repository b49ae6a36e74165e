import type { Credentials } from '../support/http.ts'
import { createRecords, type KnownSession, type RotationTimes } from './history.ts'
import { leaveNothing } from './leave-nothing.ts'
import { createOperationLog } from './operation-log.ts'
import { explainRefusals } from './refusals.ts'
import { createSessionRequests } from './session-requests.ts'

interface Given {
  now?: () => number
  rotation?: RotationTimes
}

export type Recorder = ReturnType<typeof createRecorder>

/** How much a killed Redis may lose. docs/faults.md gives the reason. */
const UNSAVED_MS = 1_000

/** The number of ended sessions that are remembered, and the number requested concurrently. */
const MOST_ENDED = 60
const AT_ONCE = 8
/** How often a session is requested again after a rejection that was no loss. */
const MOST_ROUNDS = 3
/** How much earlier than expected a rotation may be due. The token's age counts from the response that set it. */
const EARLY_MS = 200

const NO_ROTATION: RotationTimes = { everyMs: 0, graceMs: 0 }

/**
 * Uses sessions, records every acknowledgement, and checks each later response against it. A live session must be accepted
 * with the same user and session id. An ended session must be rejected. A session that the stack evicted or revoked and
 * published as such is no loss. Neither is a replaced token after its grace period.
 */
export function createRecorder(url: string, { now = stopwatch(), rotation = NO_ROTATION }: Given = {}) {
  const { operate, ...log } = createOperationLog(now)
  const records = createRecords(now)
  const { sessions, refusals, violations, actions, late } = records
  const requests = createSessionRequests(url, operate, records)

  const inState = (...states: KnownSession['state'][]) => sessions.filter(({ state }) => states.includes(state))

  /** A request in progress may rotate a token that is due, and its response may be lost. */
  const mayRotate = ({ asking, askedMs, changedMs }: KnownSession, sinceMs: number) =>
    (asking > 0 || askedMs >= sinceMs) && rotation.everyMs > 0 && now() - changedMs >= rotation.everyMs - EARLY_MS

  return {
    ...log,
    ...requests,
    violations,
    actions,
    /** Limits of time that requests exceeded, with an effect on a session. */
    late,
    now,
    inState,

    /**
     * Redis is killed during `die`. A login, logout or rotation acknowledged in the second before or during that may be lost.
     * The recorder then expects nothing of those sessions. Returns the number of live sessions that it still checks.
     */
    async whileRedisDies(die: () => Promise<unknown>): Promise<number> {
      const diesMs = now()
      const inDoubt = new Set(sessions.filter((session) => mayRotate(session, diesMs)))
      await die()
      for (const session of sessions) {
        if (session.changedMs >= diesMs - UNSAVED_MS || inDoubt.has(session) || mayRotate(session, diesMs))
          session.state = 'unknown'
      }
      return inState('living').length
    },

    /** Requests every session with an expected state until each has a response. */
    async askForAll(): Promise<void> {
      let waiting = inState('living', 'ended')
      for (let round = 0; round < MOST_ROUNDS; round++) {
        await askInTurn(waiting, requests.ask)
        const refused = new Set(refusals.map(({ session }) => session))
        await explainRefusals(refusals.splice(0), { url, rotation, ...records })
        waiting = [...refused].filter(({ state }) => state === 'living')
      }
      // In a long run the number of ended sessions grows, so only the latest ones are checked.
      const old = new Set(inState('ended').slice(0, -MOST_ENDED))
      sessions.splice(0, sessions.length, ...sessions.filter((session) => !old.has(session)))
    },

    /** Logs out all remaining sessions, also those whose login had no response. */
    leaveNothing: (accounts: readonly Credentials[]) =>
      leaveNothing(url, inState('living', 'refused', 'ending', 'unknown'), accounts),
  }
}

/** Requests a few sessions at once, each until it has a response, at most five times. Takes them out of `waiting`. */
async function askInTurn(waiting: KnownSession[], ask: (session: KnownSession) => Promise<boolean>): Promise<void> {
  const askTheNext = async () => {
    for (let session = waiting.pop(); session; session = waiting.pop())
      for (let attempt = 0; attempt < 5 && !(await ask(session)); attempt++);
  }
  await Promise.all(Array.from({ length: AT_ONCE }, askTheNext))
}

function stopwatch(): () => number {
  const startedAt = performance.now()
  return () => performance.now() - startedAt
}
