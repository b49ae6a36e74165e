// The bare rival of make bench: what people compare this project with. Express with express-session and connect-redis, set up
// exactly as their READMEs do, without logs, security headers or metrics. It answers with the same data.
import { hostname } from 'node:os'
import { pathToFileURL } from 'node:url'
import { readConfig } from 'app/config'
import { createPasswordCheck } from 'app/users/password-check'
import { readAccounts } from 'app/users/users'
import { RedisStore } from 'connect-redis'
import express, { json } from 'express'
import session from 'express-session'
import { createClient } from 'redis'
import { factsOf, regenerate, userView } from './rival-data.ts'

const config = readConfig(process.env)
const { username, host } = new URL(config.redis.url)
const { password } = config.redis
// The image starts programs in /app. A login is not measured here, so it can use the application's password check: that loads
// the native module of the image.
const accounts = await readAccounts(pathToFileURL('demo-users.json'))
const matchesPassword = createPasswordCheck(1)
const node = hostname()

// https://github.com/tj/connect-redis#usage
const redisClient = createClient({ url: `redis://${host}`, ...(password === undefined ? {} : { username, password }) })
redisClient.connect().catch(console.error)
const redisStore = new RedisStore({ client: redisClient, prefix: 'myapp:' })

const app = express()
app.use(session({ store: redisStore, resave: false, saveUninitialized: false, secret: 'keyboard cat' }))

app.get('/api/user', (req, res) => {
  if (req.session.user) res.json(userView(req.session, node))
  else res.sendStatus(401)
})

app.post('/auth/login', json(), async (req, res) => {
  const account = accounts.find((one) => one.username === req.body.username)
  if (!account || !(await matchesPassword(account.passwordHash, String(req.body.password)))) {
    res.sendStatus(401)
    return
  }
  await regenerate(req.session)
  const user = { username: account.username, displayName: account.displayName }
  const login = { user, node, address: req.ip ?? '', agent: req.get('User-Agent') ?? '' }
  Object.assign(req.session, factsOf(login, config.session.absoluteSeconds))
  res.json({ user })
})

// For the health checks of the containers.
app.get('/readyz', (_req, res) => {
  res.sendStatus(redisClient.isReady ? 200 : 503)
})

app.listen(config.port, config.host)
