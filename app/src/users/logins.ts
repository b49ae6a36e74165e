import { setTimeout as sleep } from 'node:timers/promises'
import type { User } from '../sessions/session-record.ts'
import { createFairQueue, QueueIsFull } from './fair-queue.ts'
import type { Attempt, Check, LoginThrottle } from './login-throttle.ts'
import { networkOf } from './network-of.ts'
import type { Users } from './users.ts'

export interface Login {
  user: User
  /** To be settled by the caller, when it is known whether the login succeeds. */
  check: Check
}

interface Parts {
  users: Users
  throttle: LoginThrottle
  /** How many passwords are checked at once. Each check keeps one processor busy, and sessions need one too. */
  hashesAtOnce: number
}

/** At about 30 ms each, a full queue takes about one second. */
const PLACES = 32
const LONGEST_WAIT_MS = 2_000
/** How long a check on another node, which has the last place of this account, usually takes to end. */
const RETRY_MS = 25

export type Logins = ReturnType<typeof createLogins>

export function createLogins({ users, throttle, hashesAtOnce }: Parts) {
  const queue = createFairQueue({ atOnce: hashesAtOnce, places: PLACES, longestWaitMs: LONGEST_WAIT_MS })

  /** 'busy' while other checks have the last places. */
  async function check(attempt: Attempt, password: string): Promise<Login | undefined | 'busy'> {
    // Read first: while Redis does not answer, no write is sent that it would still execute later.
    const found = await users.find(attempt.username)
    const begun = await throttle.begin(attempt)
    if (!begun) return 'busy'
    const user = await users.verify(found, password).catch(async (error: unknown) => {
      await begun.abandoned()
      throw error
    })
    if (user) return { user, check: begun }
    await begun.failed()
    return undefined
  }

  return {
    /**
     * Checks a password when its turn has come. Undefined if no enabled account has this name and this password.
     * @throws {LoginThrottled} after too many failures, or logins, of this address
     * @throws {QueueIsFull} when more passwords wait than can be checked in time
     * @throws {RedisUnavailable} whatever the name and the password are: a check that cannot be counted does not happen
     */
    async authenticate(attempt: Attempt, password: string): Promise<Login | undefined> {
      // A throttled client gets its answer at once, and does not wait for its turn.
      if (queue.isBusy()) await throttle.rejectIfThrottled(attempt)
      const lane = { client: networkOf(attempt.address), account: attempt.username }
      const endsAt = performance.now() + LONGEST_WAIT_MS
      for (;;) {
        const outcome = await queue.run(lane, () => check(attempt, password))
        if (outcome !== 'busy') return outcome
        if (performance.now() > endsAt) throw new QueueIsFull('other logins of this account take too long')
        await sleep(RETRY_MS)
      }
    },
  }
}
