import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Begun } from '../redis/atomic.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { RedisDisconnected } from '../redis/errors.ts'
import { createLoginLimit, type LoginLimit, LoginThrottled } from './login-limit.ts'
import { isSharedAddress, networkOf } from './network-of.ts'

export interface ThrottleOptions {
  /** Failed logins that one address may have with one account. */
  maxFailures: number
  /** Failed logins that one address may have in all: against trying one password on many accounts. */
  maxFailuresPerAddress: number
  /** Failures expire this long after the first of them. */
  windowSeconds: number
  /** Successful logins that one address may have with one account in a minute. */
  maxLoginsPerMinute: number
  /** Successful logins that one address may have in all in a minute. */
  maxLoginsPerMinuteAndAddress: number
}

export interface Attempt {
  username: string
  address: string
}

/**
 * A password check that is counted and not finished. The caller calls one of the functions, whatever happens: a check without an
 * outcome keeps its place for a minute. The first call decides, and later ones do nothing.
 */
export interface Check {
  /** By the clock of Redis, in milliseconds since 1970. */
  startedAt: number
  /** The password was wrong: the check becomes a failure. */
  failed(): Promise<void>
  /** The login succeeded. Deletes the failures of this address with this account, but not those with other accounts. */
  succeeded(): Promise<void>
  /** Nothing came of it, and not because of the password: something else failed. Does not throw. */
  abandoned(): Promise<void>
}

export type LoginThrottle = ReturnType<typeof createLoginThrottle>

/**
 * Slows down the guessing of passwords (OWASP ASVS 5.0, 6.3.1) and bounds how often a client may log in. The counts are in
 * Redis, so trying another node does not help. Each count is for an account and an address together, so guesses from another
 * address do not lock the owner out.
 *
 * A check is counted, by a write, before the password is checked. If Redis is unavailable, full, read-only or too slow, the
 * write fails with `RedisUnavailable` and no password is checked: a correct password, a wrong one and an unknown name get the
 * same answer. Failures and checks together never exceed the limit, so concurrent guesses have no advantage.
 */
export function createLoginThrottle(redis: RedisConnection, options: ThrottleOptions) {
  const limitsOf = createLimits(redis, options)

  return {
    /** @throws {LoginThrottled} */
    async rejectIfThrottled(attempt: Attempt): Promise<void> {
      const found = await Promise.all(limitsOf(attempt).map(({ limit, hash }) => limit.look(hash)))
      for (const tooMany of found) if (tooMany) throw new LoginThrottled(tooMany)
    },

    /**
     * Counts a check. No password may be checked before this resolves. Returns undefined while checks under way could still
     * reach the limit: their outcome decides.
     * @throws {LoginThrottled}
     */
    async begin(attempt: Attempt): Promise<Check | undefined> {
      const limits = limitsOf(attempt)
      // In a cluster, the counts of the account and of the address can be on two servers, of which one fails.
      const asked = await Promise.allSettled(limits.map(({ limit, hash }) => limit.begin(hash)))
      const begun = asked.map((one) => (one.status === 'fulfilled' ? one.value : undefined))
      const check = checkOf(limits.filter((_limit, place) => isBegun(begun[place])))
      const [first] = begun
      if (begun.every(isBegun) && isBegun(first)) return { startedAt: first.startedAt, ...check }
      await check.abandoned()
      for (const one of begun) if (typeof one === 'object' && 'reason' in one) throw new LoginThrottled(one)
      for (const one of asked) if (one.status === 'rejected') throw one.reason
      return undefined
    },
  }
}

type Ending = 'failed' | 'succeeded' | 'abandoned'

/** The ends of a check that is counted in these limits. */
function checkOf(counted: readonly Counted[]): Omit<Check, 'startedAt'> {
  const ends = counted.map(endOnce)
  // All together, so they share one round trip.
  const settle = async (ending: Ending) => void (await Promise.all(ends.map((end) => end(ending))))

  const isGivenBack = () =>
    settle('abandoned').then(
      () => true,
      () => false,
    )
  async function giveBack(): Promise<void> {
    for (let attempts = 0; attempts < GIVE_BACK.attempts; attempts++) {
      await sleep(GIVE_BACK.pauseMs, undefined, { ref: false })
      if (await isGivenBack()) return
    }
  }

  return {
    failed: () => settle('failed'),
    succeeded: () => settle('succeeded'),
    // What has failed is often Redis, so that it cannot take this either. The client does not wait for it.
    abandoned: () => settle('abandoned').catch(() => void giveBack()),
  }
}

/** As long as the check would be counted otherwise. */
const GIVE_BACK = { attempts: 60, pauseMs: 1_000 }

/** Ends a check in one limit. A call that was sent is not repeated: it may have been executed. */
function endOnce({ limit, hash }: Counted): (ending: Ending) => Promise<void> {
  let isSent = false
  return async (ending) => {
    if (isSent) return
    isSent = true
    await limit.end(hash, ending).catch((error: unknown) => {
      isSent = !(error instanceof RedisDisconnected)
      throw error
    })
  }
}

const isBegun = (begun: Begun | undefined): begun is { startedAt: number } =>
  typeof begun === 'object' && 'startedAt' in begun

interface Counted {
  limit: LoginLimit
  hash: string
}

/** Returns a function that returns each limit that applies to an attempt. */
function createLimits(redis: RedisConnection, options: ThrottleOptions) {
  const { windowSeconds } = options
  const ofAccount = createLoginLimit(redis, {
    keyOf: redis.keys.loginsOfAccount,
    isForgiving: true,
    windowSeconds,
    maxFailures: options.maxFailures,
    loginsPerMinute: options.maxLoginsPerMinute,
  })
  const ofAddress = createLoginLimit(redis, {
    keyOf: redis.keys.loginsOfAddress,
    isForgiving: false,
    windowSeconds,
    maxFailures: options.maxFailuresPerAddress,
    loginsPerMinute: options.maxLoginsPerMinuteAndAddress,
  })

  return ({ username, address }: Attempt): Counted[] => {
    const network = networkOf(address)
    const account = { limit: ofAccount, hash: hashOf(`${network} ${username}`) }
    // An address of many clients has no count of its own: one client would lock out all others.
    return isSharedAddress(address) ? [account] : [account, { limit: ofAddress, hash: hashOf(network) }]
  }
}

/** Hashed, because a user may type a password into the field for the user name. */
const hashOf = (text: string) => createHash('sha256').update(text).digest('base64url')
