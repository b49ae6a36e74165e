import type { RequestListener } from 'node:http'
import { type AppParts, createApp } from './app.ts'
import type { Config } from './config.ts'
import type { HistoryLimits } from './events/event-history.ts'
import { openEventLog } from './events/event-log.ts'
import { createEventStreams } from './events/event-streams.ts'
import { createJournal } from './events/journal.ts'
import type { StreamLimits } from './events/stream-places.ts'
import { createWhyEnded } from './events/why-ended.ts'
import { createDrain } from './lifecycle/drain.ts'
import { hasParent } from './lifecycle/parent.ts'
import { createReadiness } from './lifecycle/readiness.ts'
import type { Node } from './lifecycle/run-node.ts'
import { createNodeLoggers, type Logger } from './logger.ts'
import { joinCluster } from './membership/heartbeat.ts'
import { findNodeName } from './membership/node-name.ts'
import { createMetrics } from './metrics.ts'
import { createRedisClock } from './redis/clock.ts'
import { connectPatiently } from './redis/connect-patiently.ts'
import type { RedisConnection } from './redis/connection.ts'
import { createMemorySessionStore } from './sessions/memory-store.ts'
import { createLoginThrottle } from './users/login-throttle.ts'
import { createLogins } from './users/logins.ts'
import { type Account, createUsers, readAccounts } from './users/users.ts'
import { createSessionStore } from './utils/redis-session.ts'

const DEMO_ACCOUNTS = new URL('../../demo-users.json', import.meta.url)

/** For tests and benchmarks. */
export interface NodeOptions {
  /** Default: findNodeName. */
  name?: string
  log?: Logger
  /** Default: the demo accounts, or none with DEMO_USERS=off. */
  accounts?: readonly Account[]
  streamLimits?: Partial<StreamLimits>
  historyLimits?: HistoryLimits
  /** Default: createApp. */
  buildApp?: (parts: AppParts) => RequestListener
}

/**
 * Builds a node from its parts, and connects it to Redis. It does not listen yet. Two nodes in one process share no state.
 * @throws {RedisUnavailable} when the first connection fails
 */
export async function buildNode(config: Config, options: NodeOptions = {}): Promise<Node> {
  const { buildApp = createApp, streamLimits = {}, historyLimits } = options
  const name = options.name ?? (await findNodeName({ configured: config.nodeName, hostName: config.hostName }))
  const loggers = options.log
    ? { log: options.log, access: options.log }
    : createNodeLoggers({ level: config.logLevel, node: name })
  const { log } = loggers
  const redis = await connectPatiently(config.redis, config.redisWaitSeconds * 1000, log)
  // Nodes that keep sessions in memory form a separate cluster, even in the same Redis.
  const suffix = config.sessionStore === 'memory' ? ':memory' : ''
  const nodes = redis.keys.nodes(suffix)
  const clock = createRedisClock(redis, nodes)
  const limits = historyLimits && { limits: historyLimits }
  const events = await openEventLog(redis, { ...redis.keys.events(suffix), ...limits }, log)
  const streams = createEventStreams({ node: name, events, now: clock.estimate, limits: streamLimits })
  const metrics = createMetrics({ node: name, eventStreams: streams.count })
  const { requestsAnswered } = metrics
  const cluster = joinCluster(redis, { key: nodes, name, clock, requestsAnswered, events }, log)

  // A parent process gets a message that this node drains. nginx can only learn it from answers.
  const isBehindNginx = config.trustProxyHops > 0 && !hasParent()
  const drain = createDrain({ log, graceSeconds: config.drainSeconds, isBehindNginx })
  const sessionOptions = { ...config.session, node: name }
  const app = buildApp({
    ...(await buildLogins(config, redis, options.accounts)),
    node: name,
    config,
    loggers,
    metrics,
    streams,
    cluster,
    sessions:
      config.sessionStore === 'memory'
        ? createMemorySessionStore(sessionOptions)
        : createSessionStore(redis, sessionOptions, log),
    journal: createJournal({ node: name, events }),
    whyEnded: createWhyEnded({ ...config.session, events, now: clock.estimate }),
    readiness: createReadiness(drain.isDraining, redis),
    drainMiddleware: drain.middleware,
  })
  return { name, log, app, drain: drain.drain, cluster, streams, redis }
}

async function buildLogins(config: Config, redis: RedisConnection, given: NodeOptions['accounts']) {
  const { hashesAtOnce } = config
  const accounts = given ?? (config.demoUsers ? await readAccounts(DEMO_ACCOUNTS) : [])
  const users = await createUsers({ redis, accounts, hashesAtOnce })
  const throttle = createLoginThrottle(redis, config.throttle)
  return { users, logins: createLogins({ users, throttle, hashesAtOnce }) }
}
