// A node with express-session and connect-redis in the place of this project's own sessions, everything else the same: what
// make bench measures against. Set up as the two READMEs recommend, with `rolling` on: without it the cookie does not
// follow the session, whose TTL is prolonged by every request.
import { RedisStore } from 'connect-redis'
import { type Express, json, type RequestHandler } from 'express'
import session from 'express-session'
import { createClient } from 'redis'
import { type AppParts, beginApp, endApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { Problem, requireJson } from '../../src/middleware/problem.ts'
import { endOnFailure } from '../../src/process/end-on-failure.ts'
import { startNode } from '../../src/start-node.ts'
import { cookieOptions, factsOf } from './rival-data.ts'

const config = readConfig(process.env)
const { username, host } = new URL(config.redis.url)
const { password } = config.redis
const client = createClient({ url: `redis://${host}`, ...(password === undefined ? {} : { username, password }) })
client.on('error', (error: Error) => console.error(error.message))

function createRivalApp(parts: AppParts): Express {
  const { node, users } = parts
  const { ttlSeconds, absoluteSeconds } = config.session
  const app = beginApp(parts)
  app.use(
    session({
      store: new RedisStore({ client }),
      secret: 'the same on every node',
      name: parts.cookieName,
      resave: false,
      saveUninitialized: false,
      rolling: true,
      cookie: cookieOptions(ttlSeconds),
    }),
  )

  const neverStored: RequestHandler = (_req, res, next) => {
    res.set('Cache-Control', 'no-store')
    next()
  }

  app.post('/auth/login', neverStored, requireJson, json({ limit: '4kb' }), async (req, res) => {
    const user = await users.verify(String(req.body.username), String(req.body.password))
    if (!user) throw new Problem(401, 'Wrong user name or password', 'Check both and try again.')
    await new Promise<void>((resolve, reject) => {
      req.session.regenerate((error) => (error ? reject(error) : resolve()))
    })
    const login = { user, node, address: req.ip ?? '', agent: req.get('User-Agent') ?? '' }
    Object.assign(req.session, factsOf(login, absoluteSeconds))
    res.json({ user, node })
  })

  app.post('/auth/logout', neverStored, async (req, res) => {
    await new Promise<void>((resolve, reject) => {
      req.session.destroy((error) => (error ? reject(error) : resolve()))
    })
    res.clearCookie(parts.cookieName).status(204).end()
  })

  app.get('/api/user', neverStored, (req, res) => {
    const { user, createdOn, createdAt, absoluteExpiresAt, cookie } = req.session
    if (!user) throw new Problem(401, 'Not logged in', 'Log in, then ask again with the cookie you are given.')
    res.locals.username = user.username
    const facts = { createdOn, createdAt, rotatedAt: null, expiresAt: cookie.expires, absoluteExpiresAt }
    res.json({ user, session: { id: 'AAAAAAAAAAAAAAAAAAAAAA', ...facts, keyHint: 'session:AAAAAA' }, servedBy: node })
  })

  return endApp(app)
}

await endOnFailure(async () => {
  await client.connect()
  await startNode(config, createRivalApp)
})
