import { createHash } from 'node:crypto'
import type { RedisConnection } from '../redis/connection.ts'
import { networkOf } from './network-of.ts'
import { createRedisCount } from './redis-count.ts'
import { isSharedAddress } from './shared-address.ts'

export interface ThrottleOptions {
  /** Failed logins that one address may have with one account. */
  maxFailures: number
  /** Failed logins that one address may have in all: against trying one password on many accounts. */
  maxFailuresPerAddress: number
  /** Failures are forgotten this long after the first of them. */
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

/** This address has to wait before it may try again, with this account or with any. */
export class LoginThrottled extends Error {
  override readonly name = 'LoginThrottled'
  readonly reason: 'failures' | 'logins'
  /** In whole seconds, at least 1. */
  readonly seconds: number

  constructor(reason: LoginThrottled['reason'], seconds: number) {
    super(`too many ${reason}`)
    this.reason = reason
    this.seconds = seconds
  }
}

/** A password that is being checked. It has been counted already. One of the functions is called, once. */
export interface Check {
  /** The password was wrong: the check becomes a failure. */
  failed(): Promise<void>
  /** The login succeeded: the failures of this address with this account are forgiven, though not those with others. */
  succeeded(): Promise<void>
  /** The password was not checked. */
  abandoned(): Promise<void>
}

/**
 * Slows down the guessing of passwords (OWASP ASVS 5.0, 6.3.1) and bounds how often a client may log in. Every function
 * throws `RedisUnavailable` when Redis does not answer or does not accept the write.
 */
export interface LoginThrottle {
  /** @throws {LoginThrottled} */
  refuseIfThrottled(attempt: Attempt): Promise<void>
  /**
   * Counts a check before the password is looked at. Without its answer no password may be checked. Returns undefined
   * while other checks take the last places: what becomes of them decides.
   * @throws {LoginThrottled}
   */
  begin(attempt: Attempt): Promise<Check | undefined>
}

const MINUTE_SECONDS = 60
/** A check takes a fraction of a second. One whose node has died is forgotten after this. */
const CHECK_SECONDS = 60

/**
 * The counts are in Redis, so trying another node does not help. Each belongs to an account and an address together, so guesses
 * from another address do not lock the owner out.
 *
 * A check is counted before the password is looked at, and it is counted by a write. A Redis that is away, full, read-only
 * or too slow refuses that write, and then no password is checked: a right one, a wrong one, and an unknown name get the
 * same answer. Failures and checks together never exceed the limit, so guesses made at once gain nothing.
 */
export function createLoginThrottle(redis: RedisConnection, options: ThrottleOptions): LoginThrottle {
  const { keys } = redis
  const ofAccount = createLimit(redis, {
    ...{ prefixes: keys.loginCounts(''), windowSeconds: options.windowSeconds },
    ...{ maxFailures: options.maxFailures, maxLogins: options.maxLoginsPerMinute },
  })
  const ofAddress = createLimit(redis, {
    ...{ prefixes: keys.loginCounts('-address'), windowSeconds: options.windowSeconds },
    ...{ maxFailures: options.maxFailuresPerAddress, maxLogins: options.maxLoginsPerMinuteAndAddress },
  })
  /** Each limit that applies to an attempt, with the name of its counts. */
  const limitsOf = ({ username, address }: Attempt) => {
    const network = networkOf(address)
    const account = { limit: ofAccount, name: hashOf(`${network} ${username}`), isForgiving: true }
    // An address of many clients has no count of its own: one of them would lock out all the others.
    if (isSharedAddress(address)) return [account]
    return [account, { limit: ofAddress, name: hashOf(network), isForgiving: false }]
  }

  async function refuseIfThrottled(attempt: Attempt): Promise<void> {
    await Promise.all(limitsOf(attempt).map(({ limit, name }) => limit.refuseIfReached(name)))
  }

  return {
    refuseIfThrottled,

    async begin(attempt) {
      // First a read: while Redis does not answer, no write is sent that it would still do later.
      await refuseIfThrottled(attempt)
      const limits = limitsOf(attempt)
      const abandoned = async () => {
        await Promise.all(limits.map(({ limit, name }) => limit.checks.add(name, -1)))
      }
      const taken = await Promise.all(limits.map(({ limit, name }) => limit.take(name)))
      if (taken.includes(false)) {
        await abandoned()
        return undefined
      }
      return {
        abandoned,
        // The failure is counted before the check ends, so that no other check sees neither.
        async failed() {
          await Promise.all(limits.map(({ limit, name }) => limit.failures.add(name, 1)))
          await abandoned()
        },
        async succeeded() {
          await Promise.all(limits.map(({ limit, name }) => limit.logins.add(name, 1)))
          const forgiving = limits.filter(({ isForgiving }) => isForgiving)
          await Promise.all(forgiving.map(({ limit, name }) => limit.failures.forget(name)))
          await abandoned()
        },
      }
    },
  }
}

interface LimitOptions {
  prefixes: { failures: string; checks: string; logins: string }
  windowSeconds: number
  maxFailures: number
  maxLogins: number
}

function createLimit(redis: RedisConnection, { prefixes, windowSeconds, maxFailures, maxLogins }: LimitOptions) {
  const failures = createRedisCount(redis, { prefix: prefixes.failures, ttlSeconds: windowSeconds })
  const logins = createRedisCount(redis, { prefix: prefixes.logins, ttlSeconds: MINUTE_SECONDS })
  const checks = createRedisCount(redis, { prefix: prefixes.checks, ttlSeconds: CHECK_SECONDS, isExtended: true })
  const readBoth = (name: string) => Promise.all([failures.read(name), logins.read(name)])

  return {
    failures,
    checks,
    logins,
    async refuseIfReached(name: string): Promise<void> {
      const [failed, succeeded] = await readBoth(name)
      if (failed.count >= maxFailures) throw new LoginThrottled('failures', failed.secondsLeft)
      if (succeeded.count >= maxLogins) throw new LoginThrottled('logins', succeeded.secondsLeft)
    },
    /** Counts a check, and returns whether there is a place for it. One connection keeps the order: count, then look. */
    async take(name: string): Promise<boolean> {
      const [checking, [failed, succeeded]] = await Promise.all([checks.add(name, 1), readBoth(name)])
      const places = Math.min(maxFailures - failed.count, maxLogins - succeeded.count)
      return Math.max(1, checking) <= places
    },
  }
}

/** Hashed: whoever types a password into the field for the user name should not find it in Redis. */
const hashOf = (text: string) => createHash('sha256').update(text).digest('base64url')
