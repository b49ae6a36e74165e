import type { RedisConnection } from './connection.ts'

/**
 * The time of Redis in milliseconds since 1970. The clocks of nodes may differ. So may those of the servers of a cluster: times
 * that are compared with each other come from the server that has this key.
 */
export async function redisNow(redis: RedisConnection, key: string): Promise<number> {
  const [seconds, microseconds] = await redis.run(key, (client) => client.time())
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000)
}

export type RedisClock = ReturnType<typeof createRedisClock>

/** The clock of the server that has this key. */
export function createRedisClock(redis: RedisConnection, key: string) {
  let aheadOfProcessMs: number | undefined
  /** To be called with the time in a reply of Redis that has just arrived. */
  function set(nowMs: number): void {
    aheadOfProcessMs = nowMs - performance.now()
  }

  return {
    set,
    /** Queries Redis. */
    async read(): Promise<number> {
      const now = await redisNow(redis, key)
      set(now)
      return now
    },
    /** The time of Redis by its last reply, to some milliseconds, without a query. Before the first reply: that of this machine. */
    estimate: () => Math.round(aheadOfProcessMs === undefined ? Date.now() : performance.now() + aheadOfProcessMs),
  }
}
