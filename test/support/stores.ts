import type { RedisConnection } from 'app/redis/connection'
import type { SessionOptions, SessionStore } from 'app/sessions/session-store'
import { createSessionStore } from 'app/utils/redis-session'
import { startTestRedis } from './redis-server.ts'
import { connectTo, quiet, standardOptions } from './test-node.ts'

/** A separate Redis with two connections, like those of two nodes. */
export async function startTwoConnections({ cacheEntries = 0, deadlineMs = 500 } = {}) {
  const redis = await startTestRedis()
  const left = await connectTo(redis.address, { deadlineMs, cacheEntries })
  const right = await connectTo(redis.address, { deadlineMs, cacheEntries })
  return {
    redis,
    left,
    right,
    async stop() {
      await Promise.all([left.close(), right.close()])
      await redis.stop()
    },
  }
}

export function storeOn(connection: RedisConnection, options: Partial<SessionOptions> = {}): SessionStore {
  return createSessionStore(connection, { ...standardOptions, node: 'app-1', ...options }, quiet)
}

export const aUser = (username: string) => ({ username, displayName: `Somebody called ${username}` })

export const keyOf = (token: string) => `session:${token}`
