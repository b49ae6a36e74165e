import { type Request, Router } from 'express'
import type { Journal } from '../events/journal.ts'
import { allowOnly, Problem } from '../middleware/problem.ts'
import type { RequireSession } from '../middleware/require-session.ts'
import type { SessionCookie } from '../middleware/session-cookie.ts'
import type { Cluster } from '../nodes/cluster.ts'
import type { EndedSession, Session, SessionStore } from '../sessions/session-store.ts'
import { listView, publicView } from './session-view.ts'

interface Parts {
  node: string
  cookie: SessionCookie
  sessions: SessionStore
  journal: Journal
  requireSession: RequireSession
  cluster: Cluster
}

/** /api: what the holder of a session may ask. */
export function apiRoutes({ node, cookie, sessions, journal, requireSession, cluster }: Parts): Router {
  const router = Router({ strict: true, caseSensitive: true })
  router.use('/api', (_req, res, next) => {
    res.set('Cache-Control', 'no-store')
    next()
  })

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
      const current = await requireSession.use(req, res)
      await requireFreshLogin(current)
      const ended = await sessions.revokeSessions(current.user.username, current.id)
      await Promise.all(ended.map((one) => recordRevocation(req, one)))
      res.status(204).end()
    })
    .all(allowOnly('GET', 'DELETE'))

  router
    .route('/api/sessions/:id')
    .delete(async (req, res) => {
      const current = await requireSession.use(req, res)
      await requireFreshLogin(current)
      const ended = await sessions.revokeSession(current.user.username, req.params.id)
      if (!ended) throw new Problem(404, 'No such session', 'It has ended already, or is not yours.')
      await recordRevocation(req, ended)
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

  /** OWASP ASVS 5.0, 7.5.2: who ends sessions has authenticated again, so not with a session that was left open. */
  async function requireFreshLogin(session: Session): Promise<void> {
    if (await sessions.isFresh(session)) return
    throw new Problem(403, 'Log in again first', 'Your login is too long ago for this. Log in again, then repeat it.')
  }

  function recordRevocation(req: Request, { username, id }: EndedSession): Promise<void> {
    return journal.record(req.log, { type: 'revoked', user: username, sessionId: id })
  }

  return router
}
