// A node with express-session and connect-redis instead of this project's sessions, and otherwise the same, with all logs and
// headers: the rival of make bench for the cost of a session. Configured as both READMEs recommend, with `rolling`: without it the cookie does not follow the session,
// whose TTL every request extends.

import { type AppParts, beginApp, endApp } from 'app/app'
import { readConfig } from 'app/config'
import { Problem, requireJson } from 'app/http/problem'
import { endOnFailure } from 'app/lifecycle/end-on-failure'
import { runNode } from 'app/lifecycle/run-node'
import { buildNode } from 'app/node'
import { RedisStore } from 'connect-redis'
import { type Express, json } from 'express'
import session from 'express-session'
import { createClient } from 'redis'
import { cookieOptions, factsOf, regenerate, userView } from './rival-data.ts'

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
      name: config.cookieName,
      resave: false,
      saveUninitialized: false,
      rolling: true,
      cookie: cookieOptions(ttlSeconds),
    }),
  )

  app.post('/auth/login', requireJson, json({ limit: '4kb' }), async (req, res) => {
    const found = await users.find(String(req.body.username))
    const user = await users.verify(found, String(req.body.password))
    if (!user) throw new Problem(401, 'Incorrect user name or password', 'Check both and try again.')
    await regenerate(req.session)
    const login = { user, node, address: req.ip ?? '', agent: req.get('User-Agent') ?? '' }
    Object.assign(req.session, factsOf(login, absoluteSeconds))
    res.json({ user, node })
  })

  app.post('/auth/logout', async (req, res) => {
    await new Promise<void>((resolve, reject) => {
      req.session.destroy((error) => (error ? reject(error) : resolve()))
    })
    res.clearCookie(config.cookieName).status(204).end()
  })

  app.get('/api/user', (req, res) => {
    const { user } = req.session
    if (!user) throw new Problem(401, 'Not logged in', 'Log in, then repeat the request with the new cookie.')
    res.locals.username = user.username
    res.json(userView(req.session, node))
  })

  return endApp(app)
}

await endOnFailure(async () => {
  await client.connect()
  await runNode(await buildNode(config, { buildApp: createRivalApp }), config)
})
