import { fileURLToPath } from 'node:url'
import express, { type Express, type RequestHandler } from 'express'
import type { EventStreams } from './events/event-streams.ts'
import type { Journal } from './events/journal.ts'
import type { WhyEnded } from './events/why-ended.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { accessLog } from './middleware/access-log.ts'
import { csrf } from './middleware/csrf.ts'
import { allowOnly, notFound, problemHandler } from './middleware/problem.ts'
import { requestIdentity } from './middleware/request-identity.ts'
import { createRequireSession } from './middleware/require-session.ts'
import { securityHeaders } from './middleware/security-headers.ts'
import { refuseOtherHosts, type ServedHosts } from './middleware/served-hosts.ts'
import { createSessionCookie } from './middleware/session-cookie.ts'
import { turnAway } from './middleware/turn-away.ts'
import type { Cluster } from './nodes/cluster.ts'
import { apiRoutes } from './routes/api.routes.ts'
import { authRoutes } from './routes/auth.routes.ts'
import { eventsRoutes } from './routes/events.routes.ts'
import { healthRoutes } from './routes/health.routes.ts'
import { reportsRoutes } from './routes/reports.routes.ts'
import type { SessionStore } from './sessions/session-store.ts'
import type { Logins } from './users/logins.ts'
import type { Users } from './users/users.ts'

export interface AppParts {
  /** The node's name, as it appears in X-Served-By and in the logs. */
  node: string
  /** How many proxies stand in front: that many entries of X-Forwarded-For are believed. */
  trustProxyHops: number
  /** Which hosts are served; undefined if the proxy in front sees to that. */
  isServedHost: ServedHosts | undefined
  cookieName: string
  log: Logger
  metrics: Metrics
  users: Users
  logins: Logins
  sessions: SessionStore
  journal: Journal
  whyEnded: WhyEnded
  streams: EventStreams
  cluster: Cluster
  /** Why the node cannot serve, or undefined if it can. */
  whyNotReady: () => Promise<string | undefined>
  /** Problems that do not stop the node from serving, one sentence each. */
  warnings: () => readonly string[]
  /** Sees every request but the probes, and may turn it away. */
  drainMiddleware: RequestHandler
}

/** The page: what is served as it is, and what is compiled from app/page. */
const PUBLIC = [new URL('../../public', import.meta.url), new URL('../page', import.meta.url)]

/** Far more than a page that works has to report, and too few to fill a log. */
const REPORTS_A_MINUTE = { perAddress: 20, inAll: 60 }

/** Builds the Express app of one node from its parts. Two of them in one process share nothing. */
export function createApp(parts: AppParts): Express {
  const { node, metrics, users, logins, sessions, journal, whyEnded, streams, cluster } = parts
  const cookie = createSessionCookie(parts.cookieName)
  const requireSession = createRequireSession({ cookie, sessions, journal, whyEnded })
  const app = beginApp(parts)

  const onSessionCreated = () => metrics.sessionsCreated.inc()
  app.use(authRoutes({ node, users, logins, cookie, sessions, journal, onSessionCreated }))
  app.use(eventsRoutes({ cookie, requireSession, streams }))
  app.use(reportsRoutes(REPORTS_A_MINUTE))
  app.use(apiRoutes({ node, cookie, sessions, journal, requireSession, cluster }))

  for (const folder of PUBLIC) {
    const options = { cacheControl: true, maxAge: 0, redirect: false, dotfiles: 'ignore' } as const
    app.use(express.static(fileURLToPath(folder), options))
  }
  app.all('/', allowOnly('GET'))
  return endApp(app)
}

/** What every request goes through before its route. */
export function beginApp(parts: AppParts): Express {
  const { log, metrics, whyNotReady, warnings } = parts
  const app = express()
  app.disable('x-powered-by')
  app.set('trust proxy', parts.trustProxyHops)
  // An ETag would answer 304 to "who am I", from a node that the browser then does not show.
  app.set('etag', false)
  // The balancers keep /metrics private by its exact name, so /METRICS must not be the same thing.
  app.set('case sensitive routing', true)
  app.set('strict routing', true)
  app.set('query parser', false)

  app.use(requestIdentity(parts.node))
  app.use(accessLog(log))
  app.use(metrics.measureRequests)
  app.use(securityHeaders())

  app.use(healthRoutes({ whyNotReady, warnings, metrics }))
  // Probes come by any name: those who run the nodes ask them one by one.
  if (parts.isServedHost) app.use(refuseOtherHosts(parts.isServedHost))
  app.use(parts.drainMiddleware)
  app.use(csrf())
  return app
}

/** What becomes of a request that no route has answered. */
export function endApp(app: Express): Express {
  app.use(notFound)
  app.use(turnAway)
  app.use(problemHandler)
  return app
}
