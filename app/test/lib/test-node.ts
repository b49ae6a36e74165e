import type { Server } from 'node:http'
import { createApp } from '../../src/app.ts'
import { HISTORY_LIMITS, type HistoryLimits } from '../../src/events/event-history.ts'
import { openEventLog } from '../../src/events/event-log.ts'
import { createEventStreams } from '../../src/events/event-streams.ts'
import { createJournal } from '../../src/events/journal.ts'
import type { StreamLimits } from '../../src/events/stream-places.ts'
import { createWhyEnded } from '../../src/events/why-ended.ts'
import { createLogger, type Logger } from '../../src/logger.ts'
import { createMetrics } from '../../src/metrics.ts'
import { createServedHosts } from '../../src/middleware/served-hosts.ts'
import { joinCluster } from '../../src/nodes/cluster.ts'
import { listen, portOf } from '../../src/process/listen.ts'
import { createRedisClock } from '../../src/redis/clock.ts'
import { connectRedis } from '../../src/redis/connection.ts'
import type { SessionOptions } from '../../src/sessions/session-store.ts'
import { createLoginThrottle, type ThrottleOptions } from '../../src/users/login-throttle.ts'
import { createLogins } from '../../src/users/logins.ts'
import { type Account, createUsers, hashPassword } from '../../src/users/users.ts'
import { createSessionStore } from '../../src/utils/redis-session.ts'

export const quiet: Logger = createLogger({ level: 'silent', node: 'test' })

export interface TestNode {
  name: string
  url: string
  stop(): Promise<void>
}

export const standardOptions: Omit<SessionOptions, 'node'> = {
  ttlSeconds: 3600,
  absoluteSeconds: 43_200,
  renewSeconds: 5,
  rotateSeconds: 900,
  rotateGraceSeconds: 10,
  maxPerUser: 10,
  freshSeconds: 600,
  keyForm: 'plain',
}

export const standardThrottle: ThrottleOptions = {
  maxFailures: 100_000,
  maxFailuresPerAddress: 100_000,
  windowSeconds: 900,
  maxLoginsPerMinute: 100_000,
  maxLoginsPerMinuteAndAddress: 100_000,
}

interface Given {
  name: string
  accounts: readonly Account[]
  session?: Partial<SessionOptions>
  /** Unless told, nobody guesses often enough to be throttled. */
  throttle?: Partial<ThrottleOptions>
  trustProxyHops?: number
  /** As SESSION_CACHE=on has it; none unless told. */
  cacheEntries?: number
  /** How many streams of events it takes; as many as a real one unless told. */
  streamLimits?: Partial<StreamLimits>
  /** How many events it keeps. */
  historyLimits?: HistoryLimits
}

/** One node in this process, wired as start-node.ts does it, on a port of its own. */
export async function startTestNode(
  redisUrl: string,
  {
    name,
    accounts,
    session,
    throttle,
    trustProxyHops = 0,
    cacheEntries = 0,
    streamLimits = {},
    historyLimits = HISTORY_LIMITS,
  }: Given,
): Promise<TestNode> {
  const redis = await connectRedis({ url: redisUrl, deadlineMs: 300, cacheEntries }, quiet)
  const clock = createRedisClock(redis)
  const events = await openEventLog(redis, { ...redis.keys.events(), limits: historyLimits }, quiet)
  const streams = createEventStreams({ node: name, events, now: clock.estimate, limits: streamLimits })
  const metrics = createMetrics({ node: name, eventStreams: streams.count })
  const { requestsAnswered } = metrics
  const cluster = joinCluster(redis, { key: redis.keys.nodes(), name, clock, requestsAnswered, events }, quiet)
  const users = await createUsers({ redis, accounts, hashesAtOnce: 2 })
  const sessionOptions = { ...standardOptions, ...session, node: name }
  const app = createApp({
    node: name,
    trustProxyHops,
    isServedHost: trustProxyHops > 0 ? undefined : createServedHosts({ publicHost: undefined }),
    cookieName: 'sid',
    log: quiet,
    metrics,
    cluster,
    streams,
    journal: createJournal({ node: name, events }),
    whyEnded: createWhyEnded({ ...sessionOptions, events, now: clock.estimate }),
    users,
    logins: createLogins({
      users,
      throttle: createLoginThrottle(redis, { ...standardThrottle, ...throttle }),
      hashesAtOnce: 2,
    }),
    sessions: createSessionStore(redis, sessionOptions, quiet),
    drainMiddleware: (_req, _res, next) => next(),
    whyNotReady: redis.whyNotReady,
    warnings: redis.warnings,
  })
  const server: Server = await listen(app, { host: '127.0.0.1', port: 0, node: name, log: quiet })
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
