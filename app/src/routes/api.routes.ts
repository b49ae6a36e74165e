import { type Request, type Response, Router } from 'express'
import type { Logger } from '../logger.ts'
import { allowOnly, Problem } from '../middleware/problem.ts'
import { readSessionCookie } from '../middleware/session-cookie.ts'
import type { Cluster } from '../nodes/cluster.ts'
import type { SessionStore } from '../utils/redis-session.ts'
import { publicView } from './session-view.ts'

interface Parts {
  node: string
  log: Logger
  sessions: SessionStore
  cluster: Cluster
}

/** /api: what the holder of a session may ask. */
export function apiRoutes({ node, log, sessions, cluster }: Parts): Router {
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
      res.json({ sessions: all.map((session) => ({ ...publicView(session), current: session.id === current.id })) })
    })
    .delete(async (req, res) => {
      const current = await requireSession(req, res)
      const others = (await sessions.listSessions(current.user.username)).filter(({ id }) => id !== current.id)
      await Promise.all(others.map(({ id }) => revoke(current.user.username, id)))
      res.status(204).end()
    })
    .all(allowOnly('GET', 'DELETE'))

  router
    .route('/api/sessions/:id')
    .delete(async (req, res) => {
      const user = await requireUser(req, res)
      const ended = await revoke(user.username, req.params.id)
      if (!ended) throw new Problem(404, 'No such session', 'It has ended already, or is not yours.')
      res.status(204).end()
    })
    .all(allowOnly('DELETE'))

  router
    .route('/api/cluster')
    .get(async (_req, res) => {
      res.json({ nodes: await cluster.nodes(), servedBy: node })
    })
    .all(allowOnly('GET'))

  async function requireSession(req: Request, res: Response) {
    const session = await sessions.getSession(readSessionCookie(req))
    if (!session) throw notLoggedIn()
    res.locals.username = session.user.username
    return session
  }

  async function requireUser(req: Request, res: Response) {
    const user = await sessions.getUserFromSession(readSessionCookie(req))
    if (!user) throw notLoggedIn()
    res.locals.username = user.username
    return user
  }

  async function revoke(username: string, id: string): Promise<boolean> {
    const ended = await sessions.revokeSession(username, id)
    if (ended) log.info({ user: username, sessionId: id }, 'Session ended by its user')
    return ended
  }

  return router
}

const notLoggedIn = () => new Problem(401, 'Not logged in', 'Log in, then ask again with the cookie you are given.')
