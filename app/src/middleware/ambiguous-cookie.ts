import type { Request, Response } from 'express'
import { Problem } from './problem.ts'
import type { SessionCookie } from './session-cookie.ts'

const CAUSE = 'Another application on this host has set a cookie of the same name.'
const WHAT_TO_DO =
  'This answer removes it: try again. If that does not help, delete the cookies of this host, or give one of the ' +
  'applications another cookie name (SESSION_COOKIE).'

/**
 * Rejects a request that carries several cookies of the session's name, and removes those of others. None of them is
 * picked: an application on the same host could plant a session of its own (RFC 6265, section 8.6).
 * Call it before Redis is needed: an answer 503 must leave all cookies alone.
 * @throws {Problem} 401 with the reason `ambiguous_cookie`
 */
export function refuseAmbiguousCookie(cookie: SessionCookie, req: Request, res: Response): void {
  if (!cookie.isAmbiguous(req)) return
  cookie.clearDuplicates(req, res)
  req.log.warn({ event: 'refused', reason: 'ambiguous_cookie' }, 'Session refused: several cookies of its name')
  throw problem(WHAT_TO_DO)
}

/**
 * The same for a stream of events, but it removes nothing: a page cannot read this answer, so it could not tell its user.
 * @throws {Problem} 401 with the reason `ambiguous_cookie`
 */
export function refuseAmbiguousStream(cookie: SessionCookie, req: Request): void {
  if (cookie.isAmbiguous(req)) throw problem('The answer of /api/user to this browser removes it.')
}

const problem = (whatToDo: string) =>
  new Problem(401, 'Not logged in', `${CAUSE} ${whatToDo}`, {}, { reason: 'ambiguous_cookie' })
