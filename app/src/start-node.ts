import type { Express } from 'express'
import type { AppParts } from './app.ts'
import type { Config } from './config.ts'
import { openEventLog } from './events/event-log.ts'
import { createEventStreams } from './events/event-streams.ts'
import { createJournal } from './events/journal.ts'
import { createWhyEnded } from './events/why-ended.ts'
import { createLogger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { createServedHosts } from './middleware/served-hosts.ts'
import { joinCluster } from './nodes/cluster.ts'
import { findNodeName } from './nodes/node-name.ts'
import { createDrain } from './process/drain.ts'
import { listen, portOf } from './process/listen.ts'
import { stopOnSignal } from './process/stop-on-signal.ts'
import { createRedisClock } from './redis/clock.ts'
import { connectRedis } from './redis/connection.ts'
import { createMemorySessionStore } from './sessions/memory-session.ts'
import { createLoginThrottle } from './users/login-throttle.ts'
import { createLogins } from './users/logins.ts'
import { createUsers, readAccounts } from './users/users.ts'
import { createSessionStore } from './utils/redis-session.ts'

const DEMO_ACCOUNTS = new URL('../../demo-users.json', import.meta.url)

/**
 * One node: Redis, app, listen, drain. Everything the node consists of is made here and handed on, to `buildApp` last.
 * @throws {RedisUnavailable} when the first connection fails
 */
export async function startNode(config: Config, buildApp: (parts: AppParts) => Express): Promise<void> {
  const node = await findNodeName({ configured: config.nodeName, hostName: config.hostName })
  const log = createLogger({ level: config.logLevel, node })
  const redis = await connectRedis(config.redis, log)
  const clock = createRedisClock(redis)
  // Nodes that keep their sessions to themselves are no cluster with those that share them, even beside the same Redis.
  const suffix = config.sessionStore === 'memory' ? ':memory' : ''
  const events = await openEventLog(redis, redis.keys.events(suffix), log)
  const journal = createJournal({ node, events })
  const streams = createEventStreams({ node, events, now: clock.estimate })
  const { ttlSeconds, absoluteSeconds } = config.session
  const whyEnded = createWhyEnded({ events, ttlSeconds, absoluteSeconds, now: clock.estimate })
  const metrics = createMetrics({ node, eventStreams: streams.count })
  const { requestsAnswered } = metrics
  const cluster = joinCluster(
    redis,
    { key: redis.keys.nodes(suffix), name: node, clock, requestsAnswered, events },
    log,
  )
  const accounts = config.demoUsers ? await readAccounts(DEMO_ACCOUNTS) : []
  const users = await createUsers({ redis, accounts, hashesAtOnce: config.hashesAtOnce })
  const throttle = createLoginThrottle(redis, config.throttle)
  const logins = createLogins({ users, throttle, hashesAtOnce: config.hashesAtOnce })

  const sessionOptions = { ...config.session, node }
  const sessions =
    config.sessionStore === 'memory'
      ? createMemorySessionStore(sessionOptions)
      : createSessionStore(redis, sessionOptions, log)

  // A parent process is told by message; nginx can only be told by answers.
  const turnAway = config.trustProxyHops > 0 && process.send === undefined
  const {
    isDraining,
    middleware: drainMiddleware,
    drain,
  } = createDrain({ log, graceSeconds: config.drainSeconds, turnAway })

  async function whyNotReady(): Promise<string | undefined> {
    if (isDraining()) return 'This node is draining.'
    return redis.whyNotReady()
  }

  const { trustProxyHops, cookieName } = config
  const app = buildApp({
    node,
    trustProxyHops,
    isServedHost: trustProxyHops > 0 ? undefined : createServedHosts(config),
    cookieName,
    log,
    metrics,
    users,
    logins,
    sessions,
    journal,
    whyEnded,
    streams,
    cluster,
    whyNotReady,
    warnings: redis.warnings,
    drainMiddleware,
  })
  const server = await listen(app, { ...config, node, log })
  stopOnSignal({
    log,
    async stop(reason) {
      log.info({ reason }, 'Stopping')
      // It may stop because its parent is gone.
      if (process.connected) process.send?.({ draining: true })
      const drained = drain(server)
      await cluster.announceDrain()
      streams.end()
      await drained
      await cluster.leave()
      await redis.close()
      log.info('Stopped')
    },
  })
  log.info({ host: config.host, port: portOf(server), sessions: config.sessionStore }, 'Listening')
  if (process.connected) process.send?.({ listening: portOf(server) })
}
