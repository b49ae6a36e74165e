import { json, type Request, type Response, Router } from 'express'
import { z } from 'zod'
import type { SessionEvent } from '../events/event.ts'
import type { Journal } from '../events/journal.ts'
import { allowOnly, Problem, parse, requireJson } from '../middleware/problem.ts'
import type { SessionCookie } from '../middleware/session-cookie.ts'
import type { EndedSession, SessionStore } from '../sessions/session-store.ts'
import { type Attempt, LoginThrottled } from '../users/login-throttle.ts'
import type { Login, Logins } from '../users/logins.ts'
import { normalizePassword, normalizeUsername } from '../users/typed-text.ts'
import type { Users } from '../users/users.ts'
import { publicView } from './session-view.ts'

/** From here on, a name and a password have one form each: the throttle counts "Ada" and "ada " together. */
const credentials = z.object({
  username: z.string().transform(normalizeUsername).pipe(z.string().min(1).max(64)),
  password: z.string().transform(normalizePassword).pipe(z.string().min(1).max(256)),
})

/** The only body there is: two short strings. */
const BODY_LIMIT = '4kb'
const LONGEST_AGENT = 256

interface Parts {
  node: string
  users: Users
  logins: Logins
  cookie: SessionCookie
  sessions: SessionStore
  journal: Journal
  onSessionCreated: () => void
}

/** /auth: a session starts and ends here. */
export function authRoutes({ node, users, logins, cookie, sessions, journal, onSessionCreated }: Parts): Router {
  const router = Router({ strict: true, caseSensitive: true })

  router
    .route('/auth/login')
    .post(requireJson, json({ limit: BODY_LIMIT }), async (req, res) => {
      const { username, password } = parse(credentials, req.body)
      const attempt = { username, address: req.ip ?? '' }
      const { user, check } = await authenticate(req, attempt, password)

      const { token, session, replaced, ended } = await sessions.setSession(user, {
        address: attempt.address,
        agent: (req.get('User-Agent') ?? '').slice(0, LONGEST_AGENT),
        replaces: cookie.read(req),
        // The account may be disabled during the login. deploy/disable first writes that down and then ends the sessions: either
        // this check reads it, or deploy/disable finds the new session.
        async confirm() {
          const isDisabled = await users.isDisabled(username)
          await (isDisabled ? check.failed() : check.succeeded())
          if (isDisabled) throw refusal(req, attempt)
        },
      })
      if (replaced) await recordEnd(req, 'replaced', replaced)
      if (cookie.isAmbiguous(req)) await endSessions(req, res, 'replaced')
      await Promise.all(ended.map((one) => recordEnd(req, 'made_room', one)))
      onSessionCreated()
      cookie.clearDuplicates(req, res)
      cookie.set(req, res, token)
      res.locals.username = user.username
      await journal.record(req.log, { type: 'login', user: user.username, sessionId: session.id })
      res.set('Cache-Control', 'no-store').json({ user, session: publicView(session), node })
    })
    .all(allowOnly('POST'))

  router
    .route('/auth/logout')
    .post(async (req, res) => {
      await endSessions(req, res, 'logout')
      cookie.clearDuplicates(req, res)
      cookie.clear(req, res)
      res.set({ 'Cache-Control': 'no-store', 'Clear-Site-Data': '"cache", "storage"' }).status(204).end()
    })
    .all(allowOnly('POST'))

  /** @throws {Problem} 401, the same for every reason; 429 while this address has guessed, or logged in, too often */
  async function authenticate(req: Request, attempt: Attempt, password: string): Promise<Login> {
    const login = await logins.authenticate(attempt, password).catch((error: unknown) => {
      throw error instanceof LoginThrottled ? throttled(req, attempt, error) : error
    })
    if (!login) throw refusal(req, attempt)
    return login
  }

  function refusal(req: Request, attempt: Attempt): Problem {
    req.log.warn({ event: 'login_failed', ...describe(attempt) }, 'Login failed')
    return new Problem(401, 'Wrong user name or password', 'Check both and try again.')
  }

  function throttled(req: Request, attempt: Attempt, { reason, seconds }: LoginThrottled): Problem {
    const title = reason === 'failures' ? 'Too many failed logins' : 'Too many logins'
    req.log.warn({ event: 'login_throttled', ...describe(attempt), reason, seconds }, `Login refused: ${title}`)
    return new Problem(429, title, `Try again in ${seconds} seconds.`, { 'Retry-After': String(seconds) })
  }

  /** A name that nobody has is left out: it may be a password in the wrong field. */
  function describe({ username, address }: Attempt) {
    return { user: users.exists(username) ? username : '(unknown)', address }
  }

  /** Ends the session of every cookie with this name: the holder of a token may end its session. */
  async function endSessions(req: Request, res: Response, type: 'logout' | 'replaced'): Promise<void> {
    for (const token of new Set(cookie.readAll(req))) {
      const ended = await sessions.deleteSession(token)
      if (!ended) continue
      res.locals.username = ended.username
      await recordEnd(req, type, ended)
    }
  }

  function recordEnd(req: Request, type: SessionEvent['type'], ended: EndedSession): Promise<void> {
    const { username: user, id: sessionId, isReuse } = ended
    return journal.record(req.log, { type: isReuse ? 'token_reused' : type, user, sessionId })
  }

  return router
}
