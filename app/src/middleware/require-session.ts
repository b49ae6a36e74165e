import type { Request, Response } from 'express'
import type { Session, SessionStore } from '../sessions/session-store.ts'
import { isToken, sessionId } from '../sessions/session-token.ts'
import { Problem } from './problem.ts'
import { readSessionCookie, setSessionCookie } from './session-cookie.ts'

export type RequireSession = (req: Request, res: Response) => Promise<Session>

/**
 * Makes what a route calls first: it gives the session of the request, or throws the 401. In passing, it replaces a
 * token that is old, and hands the new one to a browser that still comes with the replaced one.
 *
 * A 401 does not clear the cookie. The request may have been long under way, and the browser have another one by now.
 */
export function createRequireSession(sessions: SessionStore): RequireSession {
  async function rotate(req: Request, res: Response, token: string, session: Session): Promise<void> {
    try {
      const successor = await sessions.rotateSession(token)
      if (successor === undefined) return
      setSessionCookie(req, res, successor)
      req.log.info({ event: 'rotated', user: session.user.username, sessionId: session.id }, 'Session has a new token')
    } catch (error) {
      // The old token is good until the new one is there. The next request tries again.
      req.log.warn({ sessionId: session.id, reason: String(error) }, 'Session was not given a new token')
    }
  }

  return async (req, res) => {
    const token = readSessionCookie(req)
    const session = await sessions.getSession(token)
    if (token === undefined || !session) {
      if (token !== undefined) req.log.warn({ event: 'refused', ...nameOf(token) }, 'Session refused')
      throw new Problem(401, 'Not logged in', 'Log in, then ask again with the cookie you are given.')
    }
    res.locals.username = session.user.username
    if (session.isRotationDue) await rotate(req, res, token, session)
    return session
  }
}

/** What can be said of a token without saying it. */
const nameOf = (token: string) => (isToken(token) ? { sessionId: sessionId(token) } : { malformed: true })
