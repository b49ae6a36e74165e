import type { Request, Response } from 'express'
import type { Journal } from '../events/journal.ts'
import type { WhyEnded } from '../events/why-ended.ts'
import type { Session, SessionStore } from '../sessions/session-store.ts'
import { fingerprintOf, isToken } from '../sessions/session-token.ts'
import { Problem } from './problem.ts'
import type { SessionCookie } from './session-cookie.ts'
import { createTokenRotation } from './token-rotation.ts'

const AMBIGUOUS = 'Another application on this host has set a cookie of the same name.'
const AMBIGUOUS_REMOVED =
  'This response removes that cookie, so try again. If this does not help, delete the cookies of this host, or give one ' +
  'of the applications another cookie name (SESSION_COOKIE).'
const AMBIGUOUS_KEPT = 'A request of this browser to /api/user removes that cookie.'

interface Parts {
  cookie: SessionCookie
  sessions: SessionStore
  journal: Journal
  whyEnded: WhyEnded
}

export type RequireSession = ReturnType<typeof createRequireSession>

/**
 * Finds the session of a request, or throws a 401 problem. A 401 does not clear the cookie: when it arrives, the browser may
 * already have a new one.
 */
export function createRequireSession({ cookie, sessions, journal, whyEnded }: Parts) {
  const rotateToken = createTokenRotation({ cookie, sessions, journal })

  async function accept(req: Request, res: Response, token: string | undefined, session: Session | undefined) {
    if (session) {
      res.locals.username = session.user.username
      return session
    }
    await endReused(req, token)
    if (token !== undefined) req.log.warn({ event: 'refused', ...nameOf(token) }, 'Session rejected')
    const ending = isToken(token) ? whyEnded(token) : undefined
    const detail = ending?.sentence ?? 'Log in, then repeat the request with the new cookie.'
    throw new Problem(401, 'Not logged in', detail, {}, ending && { reason: ending.reason })
  }

  /** Of two holders of a token, one has copied it. Refresh tokens are treated so, too: RFC 9700, section 4.14.2. */
  async function endReused(req: Request, token: string | undefined): Promise<void> {
    const ended = await sessions.endReused(token)
    if (ended) await journal.recordEnding(req.log, 'token_reused', ended)
  }

  /**
   * Returns the token of the request, if it has one. Rejects several cookies of the session's name, because another
   * application on this host could plant a session. It runs before any command is sent to Redis,
   * because a 503 must not change cookies.
   */
  function requireOneToken(req: Request, res: Response): string | undefined {
    const [token, ...others] = cookie.readAll(req)
    if (others.length === 0) return token
    cookie.clearDuplicates(req, res)
    req.log.warn({ event: 'refused', reason: 'ambiguous_cookie' }, 'Session rejected: several cookies of its name')
    throw ambiguous(AMBIGUOUS_REMOVED)
  }

  return {
    /** Renews the session. Also replaces an old token, and sends the new one to a browser that does not have it yet. */
    async use(req: Request, res: Response): Promise<Session> {
      const token = requireOneToken(req, res)
      const session = await accept(req, res, token, await sessions.getSession(token))
      return token !== undefined && session.isRotationDue ? rotateToken(req, res, token, session) : session
    },
    /** Does not renew the session: for requests that a page sends without its user. */
    async peek(req: Request, res: Response): Promise<Session> {
      const token = requireOneToken(req, res)
      return accept(req, res, token, await sessions.peekSession(token))
    },
    /** Like `peek`, for an event stream, which does not need a session. Keeps all cookies: a page cannot read this answer. */
    async find(req: Request): Promise<Session | undefined> {
      const [token, ...others] = cookie.readAll(req)
      if (others.length > 0) throw ambiguous(AMBIGUOUS_KEPT)
      const session = await sessions.peekSession(token)
      if (!session) await endReused(req, token)
      return session
    },
  }
}

const ambiguous = (whatToDo: string) =>
  new Problem(401, 'Not logged in', `${AMBIGUOUS} ${whatToDo}`, {}, { reason: 'ambiguous_cookie' })

/** For the log, which never contains a token. */
const nameOf = (token: string) => (isToken(token) ? { sessionId: fingerprintOf(token) } : { malformed: true })
