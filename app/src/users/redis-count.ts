import type { RedisConnection } from '../redis/connection.ts'
import { ifWrongType } from '../redis/errors.ts'

export interface Found {
  count: number
  /** Until the count is forgotten, in whole seconds; at least 1. */
  secondsLeft: number
}

export interface RedisCount {
  /** A count that has lost its TTL, or has a longer one than any of ours, gets `ttlSeconds`. */
  read(name: string): Promise<Found>
  /** Adds `amount` and returns the new count. */
  add(name: string, amount: number): Promise<number>
  forget(name: string): Promise<void>
}

export interface RedisCountOptions {
  /** The key of a count is this, a colon, and its name. */
  prefix: string
  /** A count is forgotten this long after the first addition. With `isExtended`, after the last one. */
  ttlSeconds: number
  isExtended?: boolean
}

/**
 * Counts in Redis that expire, the same for all nodes. Data that is no count is replaced. Every function throws
 * `RedisUnavailable` when Redis does not answer or refuses, and then nothing may be concluded from the count.
 */
export function createRedisCount(
  redis: RedisConnection,
  { prefix, ttlSeconds, isExtended = false }: RedisCountOptions,
): RedisCount {
  const keyOf = (name: string) => `${prefix}:${name}`
  const removeForeign = (key: string) => redis.run((client) => client.atomic.deleteUnlessCount(key))

  return {
    async read(name) {
      const key = keyOf(name)
      const found = redis.run((client) => Promise.all([client.get(key), client.pTTL(key)]))
      const [value, ttlMs] = await ifWrongType<[string | null, number]>(found, () => ['', 0])
      if (value === null) return { count: 0, secondsLeft: 1 }
      if (!/^-?\d+$/.test(value)) {
        await removeForeign(key)
        return { count: 0, secondsLeft: 1 }
      }
      const isWithinBounds = ttlMs >= 0 && ttlMs <= ttlSeconds * 1000
      // A Redis that refuses it is found out by the next addition.
      if (!isWithinBounds) await redis.run((client) => client.expire(key, ttlSeconds)).catch(() => {})
      return { count: Number(value), secondsLeft: isWithinBounds ? Math.max(1, Math.ceil(ttlMs / 1000)) : ttlSeconds }
    },

    async add(name, amount) {
      const key = keyOf(name)
      const addInRedis = async () => {
        const [, count] = await redis.run((client) => {
          const transaction = client
            .multi()
            .set(key, '0', { condition: 'NX', expiration: { type: 'EX', value: ttlSeconds } })
            .incrBy(key, amount)
          return (isExtended ? transaction.expire(key, ttlSeconds) : transaction).exec()
        })
        return Number(count)
      }
      return ifWrongType(addInRedis(), async () => {
        await removeForeign(key)
        return addInRedis()
      })
    },

    async forget(name) {
      await redis.run((client) => client.del(keyOf(name)))
    },
  }
}
