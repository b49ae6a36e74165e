import type { Request, Response } from 'express'
import type { Journal } from '../events/journal.ts'
import type { WhyEnded } from '../events/why-ended.ts'
import type { Session, SessionStore } from '../sessions/session-store.ts'
import { fingerprintOf, isToken } from '../sessions/session-token.ts'
import { refuseAmbiguousCookie } from './ambiguous-cookie.ts'
import { Problem } from './problem.ts'
import type { SessionCookie } from './session-cookie.ts'

/** What a route calls first: it gives the session of the request, or throws the 401. */
export interface RequireSession {
  /** Counts as a use. In passing, replaces a token that is old, and gives a browser that lacks it the new one. */
  use(req: Request, res: Response): Promise<Session>
  /** Does not: for what a page asks by itself, with nobody in front of it. */
  peek(req: Request, res: Response): Promise<Session>
  /** Like `peek`, for what is served without a session too: undefined if there is none. */
  look(req: Request): Promise<Session | undefined>
}

interface Parts {
  cookie: SessionCookie
  sessions: SessionStore
  journal: Journal
  whyEnded: WhyEnded
}

/** A 401 does not clear the cookie. The request may have been long under way, and the browser have another one by now. */
export function createRequireSession({ cookie, sessions, journal, whyEnded }: Parts): RequireSession {
  async function accept(req: Request, res: Response, session: Session | undefined): Promise<Session> {
    if (session) {
      res.locals.username = session.user.username
      return session
    }
    const token = cookie.read(req)
    await endReused(req)
    if (token !== undefined) req.log.warn({ event: 'refused', ...nameOf(token) }, 'Session refused')
    const ending = isToken(token) ? whyEnded(token) : undefined
    const what = ending
      ? `Your session has ended. ${ending.sentence}`
      : 'Log in, then ask again with the cookie you are given.'
    throw new Problem(401, 'Not logged in', what, {}, ending && { reason: ending.reason })
  }

  /** RFC 9700, section 4.14.2, does the same with refresh tokens: one of two holders of the token has copied it. */
  async function endReused(req: Request): Promise<void> {
    const ended = await sessions.endReused(cookie.read(req))
    if (ended) await journal.record(req.log, { type: 'token_reused', user: ended.username, sessionId: ended.id })
  }

  async function rotate(req: Request, res: Response, token: string, session: Session): Promise<Session> {
    try {
      const rotation = await sessions.rotateSession(token)
      if (!rotation) return session
      cookie.set(req, res, rotation.token)
      const { id, user } = session
      if (rotation.isFirst) {
        const fingerprint = fingerprintOf(rotation.token)
        await journal.record(req.log, { type: 'rotated', user: user.username, sessionId: id, fingerprint })
      }
      return (await sessions.peekSession(rotation.token)) ?? session
    } catch (error) {
      // The old token is good until the new one is there. The next request tries again.
      req.log.warn({ sessionId: session.id, reason: String(error) }, 'Session was not given a new token')
      return session
    }
  }

  return {
    async use(req, res) {
      refuseAmbiguousCookie(cookie, req, res)
      const token = cookie.read(req)
      const session = await accept(req, res, await sessions.getSession(token))
      return token !== undefined && session.isRotationDue ? rotate(req, res, token, session) : session
    },
    async peek(req, res) {
      refuseAmbiguousCookie(cookie, req, res)
      return accept(req, res, await sessions.peekSession(cookie.read(req)))
    },
    async look(req) {
      const session = await sessions.peekSession(cookie.read(req))
      if (!session) await endReused(req)
      return session
    },
  }
}

/** What can be said of a token without saying it. */
const nameOf = (token: string) => (isToken(token) ? { sessionId: fingerprintOf(token) } : { malformed: true })
