import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { cookieOf, getUser, logIn, logOut, send } from '../support/http.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { type Program, runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { startSlowLogin } from '../support/slow-login.ts'
import { startStopwatch, untilWithin } from '../support/stopwatch.ts'
import { until } from '../support/until.ts'

let redis: TestRedis
before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

async function startNode(env: Record<string, string> = {}): Promise<{ node: Program; url: string }> {
  const node = runNode('server', { REDIS_URL: redis.url, NODE_NAME: 'app-1', ...env })
  const { url } = await node.listening()
  return { node, url }
}

test('on SIGTERM, a node becomes not ready, finishes running requests, closes Redis and exits with status 0', async () => {
  const { node, url } = await startNode()
  const slow = await startSlowLogin(url)
  assert.equal((await fetch(`${url}/readyz`)).status, 200)

  const sinceSignal = startStopwatch()
  node.signal('SIGTERM')
  await node.line(({ msg }) => msg?.startsWith('Draining') === true)
  const ready = await fetch(`${url}/readyz`)
  assert.equal(ready.status, 503)
  const page = await fetch(url)
  assert.equal(page.status, 200)
  assert.equal(page.headers.get('Connection'), 'close')
  // Longer than a node waits if it takes itself for idle: FAREWELL_MS three times, and SETTLE_MS.
  await sleep(3_500)
  assert.equal(await slow.finish(), 200)

  assert.equal(await node.ended, 0)
  sinceSignal.assertWithin(10_000, 'draining and stopping')
  assert.ok(node.lines.some(({ msg }) => msg === 'Redis connection closed'))
  const { nodes } = await redis.inspector.hGetAll('nodes').then((all) => ({ nodes: Object.keys(all) }))
  assert.ok(!nodes.includes('app-1'), 'the node has left the cluster')
})

test('a draining node behind nginx rejects GETs so another node serves them, and stops once nginx has noticed', async () => {
  const { node, url } = await startNode({ TRUST_PROXY_HOPS: '1', DRAIN_SECONDS: '30' })
  const slow = await startSlowLogin(url)
  node.signal('SIGTERM')
  await node.line(({ msg }) => msg?.startsWith('Draining') === true)
  for (const path of ['/', '/api/user']) {
    const turnedAway = await fetch(url + path)
    assert.equal(turnedAway.status, 502)
    assert.equal(turnedAway.headers.get('Connection'), 'close')
  }
  // nginx does not retry a POST, so the node serves it.
  assert.equal((await logOut(url)).status, 204)
  assert.equal(await slow.finish(), 200)

  const sinceFinished = startStopwatch()
  assert.equal((await fetch(url)).status, 502)
  assert.equal(await node.ended, 0)
  sinceFinished.assertWithin(800, 'stopping after the last request')
})

test('a request that never ends is closed after the grace period, and the node still exits with status 0', async () => {
  const { node, url } = await startNode({ DRAIN_SECONDS: '2' })
  const slow = await startSlowLogin(url)
  const cutOff = once(slow.login, 'error')
  node.signal('SIGTERM')
  await cutOff
  assert.equal(await node.ended, 0)
})

test('behind nginx, a request in progress has the whole grace period, also if it is short', async () => {
  const { node, url } = await startNode({ TRUST_PROXY_HOPS: '1', DRAIN_SECONDS: '3' })
  // The first login of a node takes longer, because it loads the program that checks passwords.
  assert.equal((await logIn(url)).status, 200)
  const slow = await startSlowLogin(url)
  node.signal('SIGTERM')
  // Three times: the first may come before the node waits for nginx, and a node that stops too early waits once more.
  for (let times = 0; times < 3; times++) {
    await until('nginx is turned away', async () => (await fetch(url)).status === 502)
    // Longer than the node waits for requests that nginx sent at the same moment.
    await sleep(300)
  }
  assert.equal(await slow.finish(), 200)
  assert.equal(await node.ended, 0)
})

test('a second signal stops the node immediately', async () => {
  const { node, url } = await startNode()
  const slow = await startSlowLogin(url)
  slow.login.on('error', () => {})
  node.signal('SIGTERM')
  await node.line(({ msg }) => msg?.startsWith('Draining') === true)
  const sinceSecond = startStopwatch()
  node.signal('SIGTERM')
  assert.equal(await node.ended, 1)
  sinceSecond.assertWithin(500, 'stopping at the second signal')
})

test('without Redis at startup, a node prints one line with the cause and a remedy and exits with status 1', async () => {
  const node = runNode('server', { REDIS_URL: `redis://127.0.0.1:${await lastingPort()}` })
  const line = await node.line(({ level }) => level === 'fatal')
  assert.match(String(line.msg), /^Failed to connect to Redis at 127\.0\.0\.1:\d+.*REDIS_URL/)
  assert.equal(await node.ended, 1)
  assert.equal(node.lines.length, 1)
})

test('with REDIS_WAIT_SECONDS, a node that starts before its Redis says so once, and serves when Redis is there', async () => {
  await redis.kill()
  const node = runNode('server', { REDIS_URL: redis.url, REDIS_WAIT_SECONDS: '60' })
  const isReason = ({ msg }: { msg?: string | undefined }) =>
    /^Failed to connect .*Trying again for up to 60 seconds$/.test(msg ?? '')
  await node.line(isReason)
  await redis.start()
  const { url } = await node.listening()
  assert.equal((await fetch(`${url}/readyz`)).status, 200)
  assert.equal(node.lines.filter(isReason).length, 1)
  node.signal('SIGTERM')
  assert.equal(await node.ended, 0)

  const other = runNode('server', { REDIS_URL: `redis://127.0.0.1:${await lastingPort()}`, REDIS_WAIT_SECONDS: '1' })
  await other.line(({ level }) => level === 'fatal')
  assert.equal(await other.ended, 1)
})

test('a Redis that accepts the connection and never replies does not hang the startup', async () => {
  const mute = createServer().listen(0, '127.0.0.1')
  await once(mute, 'listening')
  const address = mute.address()
  const port = typeof address === 'object' ? address?.port : 0
  const node = runNode('server', { REDIS_URL: `redis://127.0.0.1:${port}`, REDIS_DEADLINE_MS: '100' })
  await node.line(({ msg }) => msg?.startsWith('Failed to connect to Redis') === true)
  assert.equal(await node.ended, 1)
  mute.close()
})

test('with Redis at maxclients, a node is alive but not ready, passes requests to another node, and serves once connected', async () => {
  await redis.inspector.configSet('maxclients', '1')
  const { node, url } = await startNode({ TRUST_PROXY_HOPS: '1' })
  const cookie = { Cookie: `sid=${'a'.repeat(43)}` }
  assert.equal((await fetch(`${url}/livez`)).status, 200)
  assert.equal((await fetch(`${url}/readyz`)).status, 503)
  assert.equal((await fetch(url)).status, 200)
  assert.equal((await fetch(`${url}/api/user`, { headers: cookie })).status, 503)
  const headers = { ...cookie, 'X-Retry-Location': '@retry_on_another_node' }
  const askedByNginx = await fetch(`${url}/api/user`, { headers })
  assert.equal(askedByNginx.status, 502)
  assert.equal(askedByNginx.headers.get('X-Accel-Redirect'), '@retry_on_another_node')
  for (const header of ['Content-Type', 'Cache-Control', 'Set-Cookie'])
    assert.equal(askedByNginx.headers.get(header), null)
  await redis.inspector.configSet('maxclients', '1000')
  await untilWithin(3_000, 'the node is ready', async () => (await fetch(`${url}/readyz`)).ok)
  assert.equal((await fetch(`${url}/api/user`, { headers })).status, 401)
  await until('the other nodes list it', async () =>
    (await (await fetch(`${url}/api/cluster`)).text()).includes('"app-1"'),
  )
  node.signal('SIGTERM')
  assert.equal(await node.ended, 0)
})

test('for an invalid variable or a port in use, a node prints one line that names it and exits with status 1', async () => {
  const bad = runNode('server', { SESSION_TTL_SECONDS: 'soon' })
  assert.match(String((await bad.line(({ level }) => level === 'fatal')).msg), /SESSION_TTL_SECONDS/)
  assert.equal(await bad.ended, 1)

  const { node, url } = await startNode()
  const taken = runNode('server', { REDIS_URL: redis.url, PORT: new URL(url).port })
  assert.match(String((await taken.line(({ level }) => level === 'fatal')).msg), /PORT.*in use/)
  assert.equal(await taken.ended, 1)
  node.signal('SIGTERM')
  await node.ended
})

test('DEMO_USERS=off removes the demo accounts', async () => {
  const { node, url } = await startNode({ DEMO_USERS: 'off' })
  assert.equal((await logIn(url)).status, 401)
  node.signal('SIGTERM')
  await node.ended
})

test('the log has the documented lines, one line for each request, and no secret', async () => {
  const { node, url } = await startNode()
  const cookie = cookieOf(await logIn(url))
  await send(url, `/api/user?token=${cookie}`, { cookie })
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
  await getUser(url, cookie)
  await node.line(({ msg }) => msg === 'Failed to connect to Redis')
  await redis.start()
  node.signal('SIGTERM')
  assert.equal(await node.ended, 0)

  const log = JSON.stringify(node.lines)
  assert.match(log, /Redis connected successfully/)
  assert.ok(cookie.length > 40)
  assert.ok(!log.includes(cookie.slice(4)), 'the log contains a token')
  assert.ok(!log.includes('analytical-engine'), 'the log contains a password')
})
