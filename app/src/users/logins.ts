import { setTimeout as sleep } from 'node:timers/promises'
import type { User } from '../sessions/session-record.ts'
import { createFairQueue, QueueIsFull } from './fair-queue.ts'
import type { Attempt, Check, LoginThrottle } from './login-throttle.ts'
import { networkOf } from './network-of.ts'
import type { Users } from './users.ts'

export interface Login {
  user: User
  /** Settled by the caller, when it is known whether the login succeeds. */
  check: Check
}

export interface Logins {
  /**
   * Checks a password in its turn. Undefined if no enabled account has this name and this password.
   * @throws {LoginThrottled} after too many failures, or logins, of this address
   * @throws {QueueIsFull} when more passwords wait to be checked than can be checked in good time
   * @throws {RedisUnavailable} whatever the name and the password are: no password is checked that could not be counted
   */
  authenticate(attempt: Attempt, password: string): Promise<Login | undefined>
}

interface Parts {
  users: Users
  throttle: LoginThrottle
  /** How many passwords are checked at once: each takes a processor for itself, and sessions need one too. */
  hashesAtOnce: number
}

/** At some 30 ms each, the last of them waits about a second. */
const PLACES = 32
const LONGEST_WAIT_MS = 2_000
/** Until a check on another node, which takes the last place of this account, is likely to have ended. */
const RETRY_MS = 25

export function createLogins({ users, throttle, hashesAtOnce }: Parts): Logins {
  const queue = createFairQueue({
    atOnce: hashesAtOnce,
    places: PLACES,
    longestWaitMs: LONGEST_WAIT_MS,
  })

  /** 'busy' while other checks take the last places. */
  async function check(attempt: Attempt, password: string): Promise<Login | undefined | 'busy'> {
    const begun = await throttle.begin(attempt)
    if (!begun) return 'busy'
    let user: User | undefined
    try {
      user = await users.verify(attempt.username, password)
    } catch (error) {
      await begun.abandoned()
      throw error
    }
    if (user) return { user, check: begun }
    await begun.failed()
    return undefined
  }

  return {
    async authenticate(attempt, password) {
      // Before it waits for its turn, so that it is refused at once.
      await throttle.refuseIfThrottled(attempt)
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
