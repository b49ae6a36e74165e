import { createHash } from 'node:crypto'
import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterRedis,
  type RateLimiterRes,
} from 'rate-limiter-flexible'
import type { RedisConnection } from '../redis/connection.ts'
import { limiterClient } from '../redis/count.ts'
import type { RedisClient } from '../redis/create-client.ts'
import { ifWrongType } from '../redis/errors.ts'
import { networkOf } from './network-of.ts'
import { isSharedAddress } from './shared-address.ts'

export interface ThrottleOptions {
  /** Failed logins that one address may have with one account. */
  maxFailures: number
  /** Failed logins that one address may have in all: against trying one password on many accounts. */
  maxFailuresPerAddress: number
  /** Failures are forgotten this long after the first of them. */
  windowSeconds: number
}

export interface Attempt {
  username: string
  address: string
}

/** Slows down the guessing of passwords: OWASP ASVS 5.0, 6.3.1. Times are in whole seconds, 0 means "go on". */
export interface LoginThrottle {
  /** How long this address has to wait before it may try this account again. */
  secondsToWait(attempt: Attempt): Promise<number>
  /** Counts a failure. Gives the time to wait if it was one too many: of guesses made at once, only a few are told. */
  countFailure(attempt: Attempt): Promise<number>
  /** A login forgives the failures of this address with this account, though not those with others. */
  forgive(attempt: Attempt): Promise<void>
}

/**
 * The counts are in Redis, so trying another node does not help. Each belongs to an account and an address together, so guesses
 * from another address do not lock the owner out. While Redis stores nothing (it is full, or read-only), each node counts in
 * its own memory: no login succeeds then, but a password could still be found out.
 */
export function createLoginThrottle(redis: RedisConnection, options: ThrottleOptions): LoginThrottle {
  const accounts = createCounter(redis, { prefix: redis.keys.loginFailures, max: options.maxFailures, ...options })
  const addresses = createCounter(redis, {
    prefix: redis.keys.loginFailuresAddress,
    max: options.maxFailuresPerAddress,
    ...options,
  })
  const accountKey = ({ username, address }: Attempt) => keyOf(`${networkOf(address)} ${username}`)
  const addressKey = ({ address }: Attempt) => keyOf(networkOf(address))
  // An address of many clients has no count of its own: one of them would lock out all the others.
  const ofAddress = async (attempt: Attempt, act: (key: string) => Promise<number>) =>
    isSharedAddress(attempt.address) ? 0 : act(addressKey(attempt))

  return {
    async secondsToWait(attempt) {
      return Math.max(
        ...(await Promise.all([
          accounts.secondsToWait(accountKey(attempt)),
          ofAddress(attempt, addresses.secondsToWait),
        ])),
      )
    },
    async countFailure(attempt) {
      return Math.max(
        ...(await Promise.all([accounts.count(accountKey(attempt)), ofAddress(attempt, addresses.count)])),
      )
    },
    async forgive(attempt) {
      await accounts.forget(accountKey(attempt))
    },
  }
}

function createCounter(
  redis: RedisConnection,
  { prefix, max, windowSeconds }: { prefix: string; max: number; windowSeconds: number },
) {
  const options = { keyPrefix: prefix, points: max, duration: windowSeconds }
  const memory = new RateLimiterMemory(options)

  // Created for each call: that costs nothing, and a client lives no longer than its connection.
  const countIn = (client: RedisClient) =>
    new RateLimiterRedis({ ...options, storeClient: limiterClient(client), useRedisPackage: true })

  /** In Redis, or in memory if Redis does not answer. Data that is not a count is replaced. */
  function use<T>(key: string, act: (limiter: RateLimiterAbstract) => Promise<T>): Promise<T> {
    const actInRedis = () => redis.run((client) => act(countIn(client)))
    const done = ifWrongType(actInRedis(), async () => {
      await redis.run((client) => client.atomic.deleteUnlessCount(countIn(client).getKey(key)))
      return actInRedis()
    })
    return done.catch(() => act(memory))
  }

  /** A count expires with its window. One that has lost its TTL, or has a longer one, gets the window as its TTL. */
  async function limitTtl(key: string, found: RateLimiterRes): Promise<number> {
    const isWithinWindow = found.msBeforeNext >= 0 && found.msBeforeNext <= windowSeconds * 1000
    if (isWithinWindow) return secondsLeft(found)
    await redis.run((client) => client.expire(countIn(client).getKey(key), windowSeconds)).catch(() => {})
    return windowSeconds
  }

  return {
    async secondsToWait(key: string): Promise<number> {
      // Memory too: a full Redis can be read, and knows nothing of the failures that it did not store.
      const counts = await Promise.all([memory.get(key), use(key, (limiter) => limiter.get(key))])
      const waits = counts.map((found) => (found && found.consumedPoints >= max ? limitTtl(key, found) : 0))
      return Math.max(...(await Promise.all(waits)))
    },
    async count(key: string): Promise<number> {
      const counted = await use(key, (limiter) => limiter.penalty(key))
      return counted.consumedPoints > max ? limitTtl(key, counted) : 0
    },
    async forget(key: string): Promise<void> {
      await Promise.all([memory.delete(key), use(key, (limiter) => limiter.delete(key))])
    },
  }
}

const secondsLeft = ({ msBeforeNext }: RateLimiterRes) => Math.max(1, Math.ceil(msBeforeNext / 1000))

/** Hashed: whoever types a password into the field for the user name should not find it in Redis. */
const keyOf = (text: string) => createHash('sha256').update(text).digest('base64url')
