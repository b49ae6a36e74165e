import { json, type Response, Router } from 'express'
import { z } from 'zod'
import type { Logger } from '../logger.ts'
import { allowOnly, Problem, parse, requireJson } from '../middleware/problem.ts'
import { clearSessionCookie, readSessionCookie, setSessionCookie } from '../middleware/session-cookie.ts'
import type { Users } from '../users/users.ts'
import type { SessionStore } from '../utils/redis-session.ts'
import { publicView } from './session-view.ts'

const credentials = z.object({
  username: z.string().min(1).max(64),
  password: z.string().min(1).max(256),
})

/** The only body there is: two short strings. */
const BODY_LIMIT = '4kb'

interface Parts {
  node: string
  log: Logger
  users: Users
  sessions: SessionStore
  onSessionCreated: () => void
}

/** /auth: a session starts and ends here. */
export function authRoutes({ node, log, users, sessions, onSessionCreated }: Parts): Router {
  const router = Router({ strict: true, caseSensitive: true })

  router
    .route('/auth/login')
    .post(requireJson, json({ limit: BODY_LIMIT }), async (req, res) => {
      const { username, password } = parse(credentials, req.body)
      const user = await users.verify(username, password)
      if (!user) throw new Problem(401, 'Wrong user name or password', 'Check both and try again.')

      // The old token ends with the login (OWASP ASVS 5.0, 7.2.4), but only once there is a new one to live on.
      const { token, session } = await sessions.setSession(user)
      await sessions.deleteSession(readSessionCookie(req))
      onSessionCreated()
      setSessionCookie(res, token)
      res.locals.username = user.username
      log.info({ user: user.username, sessionId: session.id }, 'Session started')
      res.set('Cache-Control', 'no-store').json({ user, session: publicView(session), node })
    })
    .all(allowOnly('POST'))

  router
    .route('/auth/logout')
    .post(async (req, res) => {
      await endSession(readSessionCookie(req), res)
      clearSessionCookie(res)
      res.set('Cache-Control', 'no-store').status(204).end()
    })
    .all(allowOnly('POST'))

  async function endSession(token: string | undefined, res: Response): Promise<void> {
    const session = await sessions.getSession(token)
    if (!session) return
    res.locals.username = session.user.username
    if (await sessions.deleteSession(token)) {
      log.info({ user: session.user.username, sessionId: session.id }, 'Session ended by logout')
    }
  }

  return router
}
