import type { RedisConnection } from './connection.ts'

/** Redis's clock, in milliseconds since 1970: nodes may disagree about the time, the one Redis cannot. */
export async function redisNow(redis: RedisConnection): Promise<number> {
  const [seconds, microseconds] = await redis.run((client) => client.time())
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000)
}

export interface RedisClock {
  /** Asks Redis. */
  read(): Promise<number>
  /** What Redis would say now, judging by its last answer: to some milliseconds, and without asking. */
  estimate(): number
}

export function createRedisClock(redis: RedisConnection): RedisClock {
  let aheadOfProcessMs: number | undefined
  return {
    async read() {
      const now = await redisNow(redis)
      aheadOfProcessMs = now - performance.now()
      return now
    },
    // Before the first answer there is only this machine's clock to go by.
    estimate: () => Math.round(aheadOfProcessMs === undefined ? Date.now() : performance.now() + aheadOfProcessMs),
  }
}
