// express-session with connect-redis, as both READMEs set them up. https://www.npmjs.com/package/express-session
import { RedisStore } from 'connect-redis'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'

const { PORT, NODE_NAME, REDIS_URL } = process.env
const client = createClient({ url: REDIS_URL })
client.on('error', () => {})
await client.connect()

const app = express()
app.use((_req, res, next) => {
  res.set('X-Node', NODE_NAME)
  next()
})
app.use(
  session({
    store: new RedisStore({ client, prefix: 'express:' }),
    resave: false,
    saveUninitialized: false,
    secret: 'keyboard cat',
  }),
)
app.use(express.json())

// The README, "User login": regenerate, then save, then answer.
app.post('/login', (req, res, next) => {
  const { username, password } = req.body
  if (password !== `secret-of-${username}`) return res.sendStatus(401)
  req.session.regenerate((error) => {
    if (error) return next(error)
    req.session.user = username
    req.session.save((failure) => (failure ? next(failure) : res.json({ user: username })))
  })
})
app.get('/me', (req, res) => (req.session.user ? res.json({ user: req.session.user }) : res.sendStatus(401)))
app.post('/logout', (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.sendStatus(204)))
})
app.post('/cart', (req, res) => {
  if (!req.session.user) return res.sendStatus(401)
  req.session.cart = (req.session.cart ?? 0) + 1
  res.json({ cart: req.session.cart })
})
app.get('/cart', (req, res) => (req.session.user ? res.json({ cart: req.session.cart ?? 0 }) : res.sendStatus(401)))
app.listen(Number(PORT), '127.0.0.1')
