import { json, type Request, type Response, Router } from 'express'
import { z } from 'zod'
import type { Journal } from '../events/journal.ts'
import { allowOnly, Problem, parse, requireJson } from '../http/problem.ts'
import type { SessionCookie } from '../http/session-cookie.ts'
import { publicView } from '../http/session-view.ts'
import type { Metrics } from '../metrics.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import { LoginThrottled } from '../users/login-limit.ts'
import type { Attempt } from '../users/login-throttle.ts'
import type { Login, Logins } from '../users/logins.ts'
import { normalizePassword, normalizeUsername } from '../users/typed-text.ts'
import type { Users } from '../users/users.ts'

/** Normalized first, so the throttle counts "Ada" and "ada " as one name. */
const credentials = z.object({
  username: z.string().transform(normalizeUsername).pipe(z.string().min(1).max(64)),
  password: z.string().transform(normalizePassword).pipe(z.string().min(1).max(256)),
})

const BODY_LIMIT = '4kb'
const MAX_AGENT_LENGTH = 256

interface Parts {
  node: string
  users: Users
  logins: Logins
  cookie: SessionCookie
  sessions: SessionStore
  journal: Journal
  metrics: Pick<Metrics, 'sessionsCreated'>
}

/** /auth: login and logout. */
export function authRoutes(parts: Parts): Router {
  const { node, users, cookie, sessions, journal, metrics } = parts
  const { authenticate, rejectLogin } = createAuthentication(parts)
  const { endSessions, endUnseen } = createEndSessions(parts)
  const router = Router({ strict: true, caseSensitive: true })

  router
    .route('/auth/login')
    .post(requireJson, json({ limit: BODY_LIMIT }), async (req, res) => {
      const { username, password } = parse(credentials, req.body)
      const attempt = { username, address: req.ip ?? '' }
      const { user, check } = await authenticate(req, attempt, password)
      const given = cookie.readAll(req)
      const login = {
        address: attempt.address,
        agent: (req.get('User-Agent') ?? '').slice(0, MAX_AGENT_LENGTH),
        replaces: given.length === 1 ? given[0] : undefined,
        startedAt: check.startedAt,
        // The account may be disabled during the login. deploy/disable first disables it and then ends its sessions. So either
        // this check sees that, or deploy/disable finds the new session.
        async confirm() {
          const isDisabled = await users.isDisabled(username)
          await (isDisabled ? check.failed() : check.succeeded())
          if (isDisabled) throw rejectLogin(req, attempt)
        },
      }
      // A check whose session could not be created must end too: a few of them would keep the account busy for a minute.
      const { token, session, replaced, ended } = await sessions.setSession(user, login).finally(check.abandoned)
      if (replaced) await journal.recordEnding(req.log, 'replaced', replaced)
      if (given.length > 1) await endSessions(req, res, 'replaced')
      await Promise.all(ended.map((one) => journal.recordEnding(req.log, 'made_room', one)))
      await journal.record(req.log, { type: 'login', user: user.username, sessionId: session.id })
      // The client has its 503 (middleware/request-deadline.ts), or is gone, and does not get this token.
      if (res.headersSent || res.closed) return void (await endUnseen(req, token))
      // Nothing is awaited from here on: a 503 in between would have the cookie.
      metrics.sessionsCreated.inc()
      cookie.clearDuplicates(req, res)
      cookie.set(req, res, token)
      res.locals.username = user.username
      // `node` is the older name of `servedBy`, kept for clients that read it.
      res.json({ user, session: publicView(session), servedBy: node, node })
    })
    .all(allowOnly('POST'))

  router
    .route('/auth/logout')
    .post(async (req, res) => {
      await endSessions(req, res, 'logout')
      cookie.clearDuplicates(req, res)
      cookie.clear(req, res)
      res.set('Clear-Site-Data', '"cache", "storage"').status(204).end()
    })
    .all(allowOnly('POST'))

  return router
}

function createEndSessions({ cookie, sessions, journal }: Pick<Parts, 'cookie' | 'sessions' | 'journal'>) {
  return {
    /** Ends the sessions of all cookies with this name. A client that has a token may end its session. */
    async endSessions(req: Request, res: Response, type: 'logout' | 'replaced'): Promise<void> {
      for (const token of new Set(cookie.readAll(req))) {
        const ended = await sessions.deleteSession(token)
        if (!ended) continue
        res.locals.username = ended.username
        await journal.recordEnding(req.log, type, ended)
      }
    },

    /** Ends a new session whose token no client has. */
    async endUnseen(req: Request, token: string): Promise<void> {
      const ended = await sessions.deleteSession(token)
      if (ended) await journal.recordEnding(req.log, 'logout', ended)
    },
  }
}

function createAuthentication({ users, logins }: Pick<Parts, 'users' | 'logins'>) {
  /** @throws {Problem} 401, the same for every reason, or 429 after too many failures or logins of this address */
  async function authenticate(req: Request, attempt: Attempt, password: string): Promise<Login> {
    try {
      const login = await logins.authenticate(attempt, password)
      if (login) return login
    } catch (error) {
      if (!(error instanceof LoginThrottled)) throw error
      const { reason, seconds } = error
      const title = reason === 'failures' ? 'Too many failed logins' : 'Too many logins'
      req.log.warn({ event: 'login_throttled', ...describe(attempt), reason, seconds }, `Login throttled: ${title}`)
      throw new Problem(429, title, `Try again in ${seconds} seconds.`, { 'Retry-After': String(seconds) })
    }
    throw rejectLogin(req, attempt)
  }

  function rejectLogin(req: Request, attempt: Attempt): Problem {
    req.log.warn({ event: 'login_failed', ...describe(attempt) }, 'Login failed')
    return new Problem(401, 'Incorrect user name or password', 'Check both and try again.')
  }

  /** Leaves out a name without an account, because it may be a password in the wrong field. */
  function describe({ username, address }: Attempt) {
    return { user: users.exists(username) ? username : '(unknown)', address }
  }

  return { authenticate, rejectLogin }
}
