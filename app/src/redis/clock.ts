import type { RedisConnection } from './connection.ts'

/** Redis's clock, in milliseconds since 1970: nodes may disagree about the time, the one Redis cannot. */
export async function redisNow(redis: RedisConnection): Promise<number> {
  const [seconds, microseconds] = await redis.run((client) => client.time())
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000)
}
