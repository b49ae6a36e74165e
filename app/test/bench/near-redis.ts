// What the programs of make bench that run inside the stack have in common.
import { readConfig } from '../../src/config.ts'
import { createLogger } from '../../src/logger.ts'
import { connectRedis } from '../../src/redis/connection.ts'
import type { SessionOptions } from '../../src/sessions/session-store.ts'

/** What a browser of today sends: it is kept with the session, so its length counts. */
export const AGENT =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

const config = readConfig(process.env)

export const sessionOptions: SessionOptions = { ...config.session, node: 'app-1' }
export const log = createLogger({ level: 'warn', node: 'bench' })
/** Thousands of questions are under way at once while sessions are made, so they take longer than a request may. */
export const connect = () => connectRedis({ ...config.redis, deadlineMs: 60_000 }, log)
export const redisAddress = new URL(config.redis.url).host

/** Does `work` for each number below `count`, so many at once. */
export async function forEachOf(count: number, atOnce: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
}
