import { connectRedis, type RedisConnection } from '../../src/redis/connection.ts'
import type { SessionOptions, SessionStore } from '../../src/sessions/session-store.ts'
import { createSessionStore } from '../../src/utils/redis-session.ts'
import { startTestRedis } from './redis-server.ts'
import { quiet, standardOptions } from './test-node.ts'

/** A Redis of the test's own, and two connections to it, as two nodes have them. */
export async function startTwoConnections({ cacheEntries = 0, deadlineMs = 500 } = {}) {
  const redis = await startTestRedis()
  const left = await connectRedis({ url: redis.url, deadlineMs, cacheEntries }, quiet)
  const right = await connectRedis({ url: redis.url, deadlineMs, cacheEntries }, quiet)
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
