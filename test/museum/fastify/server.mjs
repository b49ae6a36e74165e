// @fastify/session with connect-redis, the store that its repository tests. https://www.npmjs.com/package/@fastify/session
import fastifyCookie from '@fastify/cookie'
import fastifySession from '@fastify/session'
import { RedisStore } from 'connect-redis'
import fastify from 'fastify'
import { createClient } from 'redis'

const { PORT, NODE_NAME, REDIS_URL } = process.env
const client = createClient({ url: REDIS_URL })
client.on('error', () => {})
await client.connect()

const app = fastify()
app.addHook('onRequest', async (_req, reply) => {
  reply.header('X-Node', NODE_NAME)
})
app.register(fastifyCookie)
app.register(fastifySession, {
  store: new RedisStore({ client, prefix: 'fastify:' }),
  secret: 'a secret with minimum length of 32 characters',
  saveUninitialized: false,
  // The README: only without https.
  cookie: { secure: false },
})

app.post('/login', async (req, reply) => {
  const { username, password } = req.body
  if (password !== `secret-of-${username}`) return reply.code(401).send()
  await req.session.regenerate()
  req.session.user = username
  return { user: username }
})
app.get('/me', async (req, reply) => (req.session.user ? { user: req.session.user } : reply.code(401).send()))
app.post('/logout', async (req, reply) => {
  await req.session.destroy()
  return reply.code(204).send()
})
app.post('/cart', async (req, reply) => {
  if (!req.session.user) return reply.code(401).send()
  req.session.cart = (req.session.cart ?? 0) + 1
  return { cart: req.session.cart }
})
app.get('/cart', async (req, reply) => (req.session.user ? { cart: req.session.cart ?? 0 } : reply.code(401).send()))
await app.listen({ port: Number(PORT), host: '127.0.0.1' })
