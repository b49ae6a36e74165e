import { type Request, Router } from 'express'
import { allowOnly, Problem } from '../middleware/problem.ts'
import type { RequireSession } from '../middleware/require-session.ts'
import { clearSessionCookie } from '../middleware/session-cookie.ts'
import type { Cluster } from '../nodes/cluster.ts'
import type { Session, SessionStore } from '../sessions/session-store.ts'
import { listView, publicView } from './session-view.ts'

interface Parts {
  node: string
  sessions: SessionStore
  requireSession: RequireSession
  cluster: Cluster
}

/** /api: what the holder of a session may ask. */
export function apiRoutes({ node, sessions, requireSession, cluster }: Parts): Router {
  const router = Router({ strict: true, caseSensitive: true })
  router.use('/api', (_req, res, next) => {
    res.set('Cache-Control', 'no-store')
    next()
  })

  router
    .route('/api/user')
    .get(async (req, res) => {
      const session = await requireSession(req, res)
      res.json({ user: session.user, session: publicView(session), servedBy: node })
    })
    .all(allowOnly('GET'))

  router
    .route('/api/sessions')
    .get(async (req, res) => {
      const current = await requireSession(req, res)
      const all = await sessions.listSessions(current.user.username)
      res.json({ sessions: all.map((session) => listView(session, current)) })
    })
    .delete(async (req, res) => {
      const current = await requireSession(req, res)
      await requireFreshLogin(current)
      const ended = await sessions.revokeSessions(current.user.username, current.id)
      for (const { id } of ended) logRevocation(req, current, id)
      res.status(204).end()
    })
    .all(allowOnly('GET', 'DELETE'))

  router
    .route('/api/sessions/:id')
    .delete(async (req, res) => {
      const current = await requireSession(req, res)
      await requireFreshLogin(current)
      const ended = await sessions.revokeSession(current.user.username, req.params.id)
      if (!ended) throw new Problem(404, 'No such session', 'It has ended already, or is not yours.')
      logRevocation(req, current, req.params.id)
      if (req.params.id === current.id) clearSessionCookie(req, res)
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

  function logRevocation(req: Request, { user }: Session, sessionId: string): void {
    req.log.info({ event: 'revoked', user: user.username, sessionId }, 'Session ended by its user')
  }

  return router
}
