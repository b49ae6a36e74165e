import { type Request, type Response, Router } from 'express'
import type { Journal } from '../events/journal.ts'
import { allowOnly, Problem } from '../http/problem.ts'
import type { RequireSession } from '../http/require-session.ts'
import type { SessionCookie } from '../http/session-cookie.ts'
import { listView, publicView } from '../http/session-view.ts'
import type { Cluster } from '../membership/heartbeat.ts'
import type { Session, SessionStore } from '../sessions/session-store.ts'

interface Parts {
  node: string
  cookie: SessionCookie
  sessions: SessionStore
  journal: Journal
  requireSession: RequireSession
  cluster: Cluster
}

/** /api: the user, the user's sessions, and the nodes. */
export function apiRoutes({ node, cookie, sessions, journal, requireSession, cluster }: Parts): Router {
  const router = Router({ strict: true, caseSensitive: true })

  router
    .route('/api/user')
    .get(async (req, res) => {
      const session = await requireSession.use(req, res)
      res.json({ user: session.user, session: publicView(session), servedBy: node })
    })
    .all(allowOnly('GET'))

  router
    .route('/api/sessions')
    .get(async (req, res) => {
      const current = await requireSession.peek(req, res)
      const all = await sessions.listSessions(current.user.username)
      res.json({ sessions: all.map((session) => listView(session, current)) })
    })
    .delete(async (req, res) => {
      const current = await requireFreshSession(req, res)
      const ended = await sessions.revokeSessions(current.user.username, current.id)
      await Promise.all(ended.map((one) => journal.recordEnding(req.log, 'revoked', one)))
      res.status(204).end()
    })
    .all(allowOnly('GET', 'DELETE'))

  router
    .route('/api/sessions/:id')
    .delete(async (req, res) => {
      const current = await requireFreshSession(req, res)
      const ended = await sessions.revokeSession(current.user.username, req.params.id)
      if (!ended) throw new Problem(404, 'No such session', 'The session has ended, or belongs to another user.')
      await journal.recordEnding(req.log, 'revoked', ended)
      if (ended.id === current.id) cookie.clear(req, res)
      res.status(204).end()
    })
    .all(allowOnly('DELETE'))

  router
    .route('/api/cluster')
    .get(async (_req, res) => {
      res.json({ nodes: await cluster.nodes(), servedBy: node })
    })
    .all(allowOnly('GET'))

  /** A user who revokes sessions must have logged in recently, because a session can be left open: OWASP ASVS 5.0, 7.5.2. */
  async function requireFreshSession(req: Request, res: Response): Promise<Session> {
    const session = await requireSession.use(req, res)
    if (await sessions.isFresh(session)) return session
    throw new Problem(403, 'Log in again first', 'This needs a recent login. Log in again, then repeat the request.')
  }

  return router
}
