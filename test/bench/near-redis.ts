// The shared parts of the make bench programs that run inside the stack.
import { readConfig } from 'app/config'
import { createLogger } from 'app/logger'
import { connectRedis } from 'app/redis/connect'
import type { SessionOptions } from 'app/sessions/session-store'

/** The user agent of a current browser. It is stored with the session, so its length matters. */
export const AGENT =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

const config = readConfig(process.env)

export const sessionOptions: SessionOptions = { ...config.session, node: 'app-1' }
export const log = createLogger({ level: 'warn', node: 'bench' })
/** Thousands of commands are in progress while sessions are created, so they take longer than in a normal request. */
export const connect = () => connectRedis({ ...config.redis, deadlineMs: 60_000 }, log)
export const redisAddress = new URL(config.redis.url).host
