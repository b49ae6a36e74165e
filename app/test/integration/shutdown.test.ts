import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { post } from '../lib/http.ts'
import { lastingPort } from '../lib/lasting-port.ts'
import { type Program, runNode } from '../lib/program.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'
import { until } from '../lib/until.ts'

let redis: TestRedis
before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

async function startNode(env: Record<string, string> = {}): Promise<{ node: Program; url: string }> {
  const node = runNode('server', { REDIS_URL: redis.url, NODE_NAME: 'app-1', ...env })
  const { port } = await node.line(({ msg }) => msg === 'Listening')
  return { node, url: `http://127.0.0.1:${port}` }
}

/** A login whose last byte is held back: a request under way for as long as the test wants. */
async function startSlowLogin(url: string) {
  const body = JSON.stringify({ username: 'ada', password: 'analytical-engine' })
  const login = request(`${url}/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Content-Length': body.length, Expect: '100-continue' },
  })
  login.flushHeaders()
  // The node has read the headers once it asks for the rest.
  await once(login, 'continue')
  login.write(body.slice(0, -1))
  return {
    async finish() {
      const answered = once(login, 'response')
      login.end(body.slice(-1))
      const [response] = await answered
      response.resume()
      return response.statusCode
    },
    login,
  }
}

test('on SIGTERM a node is not ready any more, finishes what is under way, closes Redis and exits with 0', async () => {
  const { node, url } = await startNode()
  const slow = await startSlowLogin(url)
  assert.equal((await fetch(`${url}/readyz`)).status, 200)

  const startedAt = performance.now()
  node.signal('SIGTERM')
  await node.line(({ msg }) => msg?.startsWith('Draining') === true)
  const ready = await fetch(`${url}/readyz`)
  assert.equal(ready.status, 503)
  const page = await fetch(url)
  assert.equal(page.status, 200)
  assert.equal(page.headers.get('Connection'), 'close')
  assert.equal(await slow.finish(), 200)

  assert.equal(await node.ended, 0)
  assert.ok(performance.now() - startedAt < 10_000)
  assert.ok(node.lines.some(({ msg }) => msg === 'Redis connection closed'))
  const { nodes } = await redis.inspector.hGetAll('nodes').then((all) => ({ nodes: Object.keys(all) }))
  assert.ok(!nodes.includes('app-1'), 'it has left the cluster')
})

test('behind a balancer, a draining node turns GETs away so that another takes them, and goes as soon as it is noticed', async () => {
  const { node, url } = await startNode({ TRUST_PROXY_HOPS: '1', DRAIN_SECONDS: '30' })
  const slow = await startSlowLogin(url)
  node.signal('SIGTERM')
  await node.line(({ msg }) => msg?.startsWith('Draining') === true)
  for (const path of ['/', '/api/user']) {
    const turnedAway = await fetch(url + path)
    assert.equal(turnedAway.status, 502)
    assert.equal(turnedAway.headers.get('Connection'), 'close')
  }
  // A POST is not repeated by nginx, so it is served.
  assert.equal((await fetch(`${url}/auth/logout`, { method: 'POST' })).status, 204)
  assert.equal(await slow.finish(), 200)

  const finishedAt = performance.now()
  assert.equal((await fetch(url)).status, 502)
  assert.equal(await node.ended, 0)
  assert.ok(performance.now() - finishedAt < 800, 'it went before the farewell was over')
})

test('a request that never ends is cut off after the grace, and the node still exits with 0', async () => {
  const { node, url } = await startNode({ DRAIN_SECONDS: '2' })
  const slow = await startSlowLogin(url)
  const cutOff = once(slow.login, 'error')
  node.signal('SIGTERM')
  await cutOff
  assert.equal(await node.ended, 0)
})

test('a second signal ends the node at once', async () => {
  const { node, url } = await startNode()
  const slow = await startSlowLogin(url)
  slow.login.on('error', () => {})
  node.signal('SIGTERM')
  await node.line(({ msg }) => msg?.startsWith('Draining') === true)
  const startedAt = performance.now()
  node.signal('SIGTERM')
  assert.equal(await node.ended, 1)
  assert.ok(performance.now() - startedAt < 500)
})

test('without Redis at start: one line that says what failed and what to do, and exit 1', async () => {
  const node = runNode('server', { REDIS_URL: `redis://127.0.0.1:${await lastingPort()}` })
  const line = await node.line(({ level }) => level === 'fatal')
  assert.match(String(line.msg), /^Failed to connect to Redis at 127\.0\.0\.1:\d+.*REDIS_URL/)
  assert.equal(await node.ended, 1)
  assert.equal(node.lines.length, 1)
})

test('a Redis that takes the connection and never answers does not hang the start', async () => {
  const mute = createServer().listen(0, '127.0.0.1')
  await once(mute, 'listening')
  const address = mute.address()
  const port = typeof address === 'object' ? address?.port : 0
  const node = runNode('server', { REDIS_URL: `redis://127.0.0.1:${port}`, REDIS_DEADLINE_MS: '100' })
  await node.line(({ msg }) => msg?.startsWith('Failed to connect to Redis') === true)
  assert.equal(await node.ended, 1)
  mute.close()
})

test('a node that Redis has no room for is alive and not ready, tells nginx to ask another, and serves once there is room', async () => {
  await redis.inspector.configSet('maxclients', '1')
  const { node, url } = await startNode({ TRUST_PROXY_HOPS: '1' })
  const cookie = { Cookie: `sid=${'a'.repeat(43)}` }
  assert.equal((await fetch(`${url}/livez`)).status, 200)
  assert.equal((await fetch(`${url}/readyz`)).status, 503)
  assert.equal((await fetch(url)).status, 200)
  assert.equal((await fetch(`${url}/api/user`, { headers: cookie })).status, 503)
  const askedByNginx = await fetch(`${url}/api/user`, { headers: { ...cookie, 'X-May-Turn-Away': '@another' } })
  assert.equal(askedByNginx.status, 502)
  assert.equal(askedByNginx.headers.get('X-Accel-Redirect'), '@another')
  for (const header of ['Content-Type', 'Cache-Control', 'Set-Cookie'])
    assert.equal(askedByNginx.headers.get(header), null)
  await redis.inspector.configSet('maxclients', '1000')
  await until('it is ready', async () => (await fetch(`${url}/readyz`)).ok, 3_000)
  assert.equal((await fetch(`${url}/api/user`, { headers: { ...cookie, 'X-May-Turn-Away': '@another' } })).status, 401)
  await until('the others know it', async () => (await (await fetch(`${url}/api/cluster`)).text()).includes('"app-1"'))
  node.signal('SIGTERM')
  assert.equal(await node.ended, 0)
})

test('a bad variable, and a port that is taken: one line that names it, and exit 1', async () => {
  const bad = runNode('server', { SESSION_TTL_SECONDS: 'soon' })
  assert.match(String((await bad.line(({ level }) => level === 'fatal')).msg), /SESSION_TTL_SECONDS/)
  assert.equal(await bad.ended, 1)

  const { node, url } = await startNode()
  const taken = runNode('server', { REDIS_URL: redis.url, PORT: new URL(url).port })
  assert.match(String((await taken.line(({ level }) => level === 'fatal')).msg), /PORT.*taken/)
  assert.equal(await taken.ended, 1)
  node.signal('SIGTERM')
  await node.ended
})

test('DEMO_USERS=off leaves no account', async () => {
  const { node, url } = await startNode({ DEMO_USERS: 'off' })
  const ada = { username: 'ada', password: 'analytical-engine' }
  assert.equal((await post(url, '/auth/login', ada)).status, 401)
  node.signal('SIGTERM')
  await node.ended
})

test('the log has the lines that people look for, one for each request, and no secret', async () => {
  const { node, url } = await startNode()
  const login = await fetch(`${url}/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username: 'ada', password: 'analytical-engine' }),
  })
  const cookie = login.headers.getSetCookie()[0]?.split(';', 1)[0] ?? ''
  await fetch(`${url}/api/user?token=${cookie}`, { headers: { Cookie: cookie } })
  const line = await node.line(({ path }) => path === '/api/user')
  assert.deepEqual(Object.keys(line).sort(), [
    'level',
    'method',
    'ms',
    'msg',
    'node',
    'path',
    'requestId',
    'status',
    'time',
    'user',
  ])
  assert.deepEqual([line.node, line.method, line.status, line.user], ['app-1', 'GET', 200, 'ada'])
  await redis.kill()
  await fetch(`${url}/api/user`, { headers: { Cookie: cookie } })
  await node.line(({ msg }) => msg === 'Failed to connect to Redis')
  await redis.start()
  node.signal('SIGTERM')
  assert.equal(await node.ended, 0)

  const log = JSON.stringify(node.lines)
  assert.match(log, /Redis connected successfully/)
  assert.ok(cookie.length > 40)
  assert.ok(!log.includes(cookie.slice(4)), 'a token is in the log')
  assert.ok(!log.includes('analytical-engine'), 'a password is in the log')
})
