import type { LoginLimits, Outcome, TooMany } from '../redis/atomic.ts'
import type { RedisConnection } from '../redis/connection.ts'
import type { RedisClient } from '../redis/create-client.ts'

/** An address must wait before it can log in again, with this account or with any. */
export class LoginThrottled extends Error {
  override readonly name = 'LoginThrottled'
  readonly reason: TooMany['reason']
  /** In whole seconds, at least 1. */
  readonly seconds: number

  constructor({ reason, seconds }: TooMany) {
    super(`too many ${reason}`)
    this.reason = reason
    this.seconds = seconds
  }
}

/**
 * The number of logins within a window, and its length. The window is a quarter of a minute, if a person can log in often
 * enough within it. A client that sends all its logins at once then causes 30 password hashes, which take less than a second,
 * and not 120.
 */
function windowOf(loginsPerMinute: number): { logins: number; seconds: number } {
  const quarter = Math.ceil(loginsPerMinute / 4)
  return quarter < SMALLEST_QUARTER ? { logins: loginsPerMinute, seconds: 60 } : { logins: quarter, seconds: 15 }
}
const SMALLEST_QUARTER = 10

/** A check takes a fraction of a second. After this time, the check of a node that was killed expires. */
const CHECK_SECONDS = 60

interface LimitOptions {
  keyOf: (hash: string) => string
  windowSeconds: number
  maxFailures: number
  loginsPerMinute: number
  /** Whether a successful login deletes the failures. */
  isForgiving: boolean
}

export type LoginLimit = ReturnType<typeof createLoginLimit>

/**
 * A limit of failed and of successful logins. All counts of an account, or of an address, are at one key, and Redis decides in
 * one step, by its own clock: app/redis/functions.lua. Data that is no count is replaced.
 */
export function createLoginLimit(redis: RedisConnection, options: LimitOptions) {
  const { keyOf, windowSeconds, maxFailures, loginsPerMinute, isForgiving } = options
  const window = windowOf(loginsPerMinute)
  const limits: LoginLimits = {
    maxFailures,
    failuresMs: windowSeconds * 1000,
    maxLogins: window.logins,
    loginsMs: window.seconds * 1000,
    checksMs: CHECK_SECONDS * 1000,
  }

  const ask = <T>(hash: string, send: (client: RedisClient, key: string) => Promise<T>): Promise<T> => {
    const key = keyOf(hash)
    return redis.run(key, (client) => send(client, key))
  }

  return {
    look: (hash: string) => ask(hash, ({ atomic }, key) => atomic.lookAtLogins(key, limits)),
    begin: (hash: string) => ask(hash, ({ atomic }, key) => atomic.beginLogin(key, limits)),
    end(hash: string, outcome: Exclude<Outcome, 'forgiven'>): Promise<void> {
      const counted = outcome === 'succeeded' && isForgiving ? 'forgiven' : outcome
      return ask(hash, ({ atomic }, key) => atomic.endLogin(key, limits, counted))
    },
  }
}
