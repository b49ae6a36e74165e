import type { ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import express, { type Express, type RequestHandler } from 'express'
import type { Config } from './config.ts'
import type { EventStreams } from './events/event-streams.ts'
import type { Journal } from './events/journal.ts'
import type { WhyEnded } from './events/why-ended.ts'
import { pagePolicies } from './http/policy-headers.ts'
import { allowOnly } from './http/problem.ts'
import { createServedHosts } from './http/request-host.ts'
import { createRequireSession } from './http/require-session.ts'
import { createSessionCookie } from './http/session-cookie.ts'
import type { Readiness } from './lifecycle/readiness.ts'
import type { NodeLoggers } from './logger.ts'
import type { Cluster } from './membership/heartbeat.ts'
import type { Metrics } from './metrics.ts'
import { accessLog, addRequestLog } from './middleware/access-log.ts'
import { csrf } from './middleware/csrf.ts'
import { notFound, problemHandler } from './middleware/problem-handler.ts'
import { rejectOtherHosts } from './middleware/reject-other-hosts.ts'
import { requestDeadline } from './middleware/request-deadline.ts'
import { requestIdentity } from './middleware/request-identity.ts'
import { retryOnAnotherNode } from './middleware/retry-on-another-node.ts'
import { securityHeaders } from './middleware/security-headers.ts'
import { apiRoutes } from './routes/api.routes.ts'
import { authRoutes } from './routes/auth.routes.ts'
import { dataRoutes } from './routes/data.routes.ts'
import { eventsRoutes } from './routes/events.routes.ts'
import { healthRoutes } from './routes/health.routes.ts'
import { reportsRoutes } from './routes/reports.routes.ts'
import type { SessionStore } from './sessions/session-store.ts'
import type { Logins } from './users/logins.ts'
import type { Users } from './users/users.ts'

export interface AppParts {
  /** The node's name, as it appears in X-Served-By and in the logs. */
  node: string
  config: Pick<Config, 'cookieName' | 'publicHost' | 'trustProxyHops' | 'redis'>
  loggers: NodeLoggers
  metrics: Metrics
  users: Users
  logins: Logins
  sessions: SessionStore
  journal: Journal
  whyEnded: WhyEnded
  streams: EventStreams
  cluster: Cluster
  readiness: Readiness
  /** Comes before all routes but the probes. */
  drainMiddleware: RequestHandler
}

/** The files of the page: app/public, and the scripts compiled from app/page. */
const PUBLIC = [new URL('../../public', import.meta.url), new URL('../page', import.meta.url)]

const PAGE_HEADERS = new Map(Object.entries(pagePolicies))

/** Builds the Express app of one node from its parts. */
export function createApp(parts: AppParts): Express {
  const cookie = createSessionCookie(parts.config.cookieName)
  const requireSession = createRequireSession({ ...parts, cookie })
  const app = beginApp(parts)

  // The most frequent requests first: each router before costs a little.
  app.use(apiRoutes({ ...parts, cookie, requireSession }))
  app.use(authRoutes({ ...parts, cookie }))
  app.use(dataRoutes({ ...parts, cookie, requireSession }))
  app.use(eventsRoutes(requireSession, parts.streams))
  app.use(reportsRoutes())

  for (const folder of PUBLIC) {
    app.use(express.static(fileURLToPath(folder), { redirect: false, dotfiles: 'ignore', setHeaders }))
  }
  app.all('/', allowOnly('GET'))
  return endApp(app)
}

function setHeaders(res: ServerResponse, path: string): void {
  // A browser may keep the file, and asks each time whether it has changed.
  res.setHeader('Cache-Control', 'public, max-age=0')
  if (path.endsWith('.html')) res.setHeaders(PAGE_HEADERS)
}

/** The middleware in front of all routes. */
export function beginApp({ node, config, loggers, metrics, readiness, drainMiddleware }: AppParts): Express {
  const app = express()
  app.disable('x-powered-by')
  // The number of proxies in front of the node: that many entries of X-Forwarded-For are trusted.
  app.set('trust proxy', config.trustProxyHops)
  // With an ETag, the answer of /api/user would be 304, and the page could not show which node answered.
  app.set('etag', false)
  // The balancers block /metrics by its exact name, so /METRICS must be another path.
  app.set('case sensitive routing', true)
  app.set('strict routing', true)
  app.set('query parser', false)

  addRequestLog(app, loggers.log)
  app.use(requestIdentity(node))
  app.use(accessLog(loggers))
  app.use(metrics.measureRequests)
  app.use(securityHeaders)

  app.use(healthRoutes({ readiness, metrics }))
  // Probes come before this, because they use any host name, such as the address of a container. A proxy checks the host.
  if (config.trustProxyHops === 0) app.use(rejectOtherHosts(createServedHosts(config)))
  app.use(drainMiddleware)
  app.use(requestDeadline({ redisDeadlineMs: config.redis.deadlineMs, answer: problemHandler }))
  app.use(csrf())
  return app
}

/** The middleware behind all routes. */
export function endApp(app: Express): Express {
  app.use(notFound)
  app.use(retryOnAnotherNode)
  app.use(problemHandler)
  return app
}
