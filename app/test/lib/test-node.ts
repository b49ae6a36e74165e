import type { Server } from 'node:http'
import { createApp } from '../../src/app.ts'
import { createLogger, type Logger } from '../../src/logger.ts'
import { createMetrics } from '../../src/metrics.ts'
import { joinCluster } from '../../src/nodes/cluster.ts'
import { listen, portOf } from '../../src/process/listen.ts'
import { connectRedis } from '../../src/redis/connection.ts'
import { type Account, createUsers, hashPassword } from '../../src/users/users.ts'
import { createSessionStore, type SessionOptions } from '../../src/utils/redis-session.ts'

export const quiet: Logger = createLogger({ level: 'silent', node: 'test' })

export interface TestNode {
  name: string
  url: string
  stop(): Promise<void>
}

/** One node in this process, wired as server.ts does it, on a port of its own. */
export async function startTestNode(
  redisUrl: string,
  { name, accounts, ...session }: { name: string; accounts: readonly Account[] } & Partial<SessionOptions>,
): Promise<TestNode> {
  const redis = await connectRedis({ url: redisUrl, deadlineMs: 300 }, quiet)
  const metrics = createMetrics({ node: name })
  const cluster = joinCluster(redis, { name, requestsAnswered: metrics.requestsAnswered }, quiet)
  const options = { ttlSeconds: 3600, absoluteSeconds: 43_200, renewSeconds: 5, ...session, node: name }
  const app = createApp({
    node: name,
    trustProxyHops: 0,
    log: quiet,
    metrics,
    cluster,
    users: await createUsers(accounts),
    sessions: createSessionStore(redis, options, quiet),
    drainMiddleware: (_req, _res, next) => next(),
    whyNotReady: () => redis.run((client) => client.ping()).then(() => undefined, String),
  })
  const server: Server = await listen(app, { host: '127.0.0.1', port: 0 })
  return {
    name,
    url: `http://127.0.0.1:${portOf(server)}`,
    async stop() {
      server.closeAllConnections()
      server.close()
      await cluster.leave()
      await redis.close()
    },
  }
}

/** An account nobody else in the tests has, and its password. */
export async function newAccount(username: string): Promise<{ account: Account; password: string }> {
  const password = `secret of ${username}`
  return {
    password,
    account: { username, displayName: username.toUpperCase(), passwordHash: await hashPassword(password) },
  }
}
