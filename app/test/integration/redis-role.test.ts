import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { appendAndPublish } from '../../src/redis/append-and-publish.ts'
import { connectRedis } from '../../src/redis/connection.ts'
import type { RedisClient } from '../../src/redis/create-client.ts'
import { RedisDisconnected, RedisUnavailable } from '../../src/redis/errors.ts'
import { cookieOf, getUser, post } from '../lib/http.ts'
import { lastingPort } from '../lib/lasting-port.ts'
import { type LogLine, type Program, runNode } from '../lib/program.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'
import { startTcpSwitch } from '../lib/tcp-switch.ts'
import { quiet } from '../lib/test-node.ts'
import { until } from '../lib/until.ts'

let first: TestRedis
let second: TestRedis
before(async () => {
  first = await startTestRedis()
  second = await startTestRedis()
})
after(() => Promise.all([first.stop(), second.stop()]))

const portOf = (redis: TestRedis) => Number(new URL(redis.url).port)
const follow = (replica: TestRedis, primary: TestRedis | { port: number }) =>
  replica.inspector.sendCommand(['REPLICAOF', '127.0.0.1', `${'port' in primary ? primary.port : portOf(primary)}`])
const promote = (redis: TestRedis) => redis.inspector.sendCommand(['REPLICAOF', 'NO', 'ONE'])
const isInStep = async (replica: TestRedis) =>
  /^master_link_status:up\r?$/m.test(await replica.inspector.info('replication'))

async function startNode(t: TestContext, redisUrl: string, env: Record<string, string> = {}) {
  const node = runNode('server', { REDIS_URL: redisUrl, NODE_NAME: 'app-1', ...env })
  t.after(async () => {
    node.signal('SIGKILL')
    await node.ended
  })
  const { port } = await node.line(({ msg }) => msg === 'Listening')
  return { node, url: `http://127.0.0.1:${port}` }
}

const logIn = (url: string) => post(url, '/auth/login', { username: 'ada', password: 'analytical-engine' })
const readiness = async (url: string) => {
  const answer = await fetch(`${url}/readyz`)
  return { status: answer.status, body: JSON.parse(await answer.text()) }
}
const isAbout = (node: Program, text: RegExp, fits: (line: LogLine) => boolean = () => true) =>
  node.line((line) => text.test(`${line.msg} ${line.reason}`) && fits(line))

for (const cache of ['off', 'on']) {
  test(`a Redis that becomes a replica: 503 and not ready, and all is well again when it is the primary (cache ${cache})`, async (t) => {
    t.after(() => promote(first))
    const { node, url } = await startNode(t, first.url, { SESSION_CACHE: cache })
    const cookie = cookieOf(await logIn(url))
    await follow(first, second)
    assert.equal((await logIn(url)).status, 503)
    const { status, body } = await readiness(url)
    assert.equal(status, 503)
    assert.match(body.detail, /replica/)
    await isAbout(node, /Redis at 127\.0\.0\.1:\d+ is a replica.*Point REDIS_URL at the primary/)
    assert.equal((await getUser(url, cookie)).status, 503, 'what a replica knows is not believed')

    await promote(first)
    await until('logins are possible', async () => (await logIn(url)).status === 200, 5_000)
    assert.equal((await readiness(url)).status, 200)
  })
}

const renewal = { ttlMs: 60_000, renewMs: 0, latestEndMs: Number.MAX_SAFE_INTEGER }
const writes: Record<string, (client: RedisClient) => Promise<unknown>> = {
  'a command': (client) => client.set('role', 'changed'),
  'a function that sets': (client) => client.atomic.setIfUnchanged('role', 'kept', 'changed', 60_000),
  'a function that renews': (client) => client.atomic.expireIfUnchanged('role', 'kept', renewal),
  'a function that publishes': (client) =>
    appendAndPublish(client, 'role-events', { channel: 'x', text: '{}', most: 9 }),
}
for (const [what, write] of Object.entries(writes)) {
  test(`READONLY as the answer to ${what} replaces the connection at once`, async (t) => {
    await first.inspector.set('role', 'kept')
    const connection = await connectRedis({ url: first.url, deadlineMs: 1_000 }, quiet)
    t.after(async () => {
      await promote(first)
      await connection.close()
      await first.inspector.del(['role', 'role-events'])
    })
    await follow(first, { port: await lastingPort() })
    await assert.rejects(connection.run(write), RedisUnavailable)
    await assert.rejects(
      connection.run((client) => client.get('role')),
      RedisDisconnected,
    )
    await promote(first)
    await until(
      'it can write',
      () =>
        connection.run(write).then(
          () => true,
          () => false,
        ),
      5_000,
    )
  })
}

test('readiness does not wait for a write to notice that Redis has become a replica', async (t) => {
  t.after(() => promote(first))
  const { url } = await startNode(t, first.url)
  await follow(first, second)
  assert.equal((await readiness(url)).status, 503)
})

test('a failover behind the same name: the connection is replaced, and sessions of before are still there', async (t) => {
  const name = await startTcpSwitch(portOf(first))
  t.after(() => name.stop())
  await follow(second, first)
  t.after(async () => {
    await promote(first)
    await promote(second)
  })
  await until('the second follows the first', () => isInStep(second))
  const { url } = await startNode(t, `redis://127.0.0.1:${name.port}`)
  const cookie = cookieOf(await logIn(url))
  await until('the second has it', () => second.inspector.exists(`session:${cookie.slice(4)}`))

  await promote(second)
  name.turnTo(portOf(second))
  await follow(first, second)
  await until('logins are possible', async () => (await logIn(url)).status === 200, 3_000)
  assert.equal((await getUser(url, cookie)).status, 200)
  assert.equal((await readiness(url)).status, 200)
  assert.ok((await second.inspector.keys('session:*')).length >= 2)
})

test('a replica at start: the node is alive and says why it is not ready, until it is the primary', async (t) => {
  await follow(first, second)
  t.after(() => promote(first))
  const { node, url } = await startNode(t, first.url)
  await isAbout(node, /is a replica.*Point REDIS_URL at the primary/, ({ level }) => level === 'error')
  assert.equal((await fetch(`${url}/livez`)).status, 200)
  const { status, body } = await readiness(url)
  assert.equal(status, 503)
  assert.match(body.detail, /replica/)
  await promote(first)
  await until('it is ready', async () => (await readiness(url)).status === 200, 5_000)
})

test('a replica that may not serve what it has (MASTERDOWN) is waited for, at start too', async (t) => {
  await first.inspector.configSet('replica-serve-stale-data', 'no')
  await follow(first, { port: await lastingPort() })
  t.after(async () => {
    await promote(first)
    await first.inspector.configSet('replica-serve-stale-data', 'yes')
  })
  const { url } = await startNode(t, first.url)
  assert.match((await readiness(url)).body.detail, /MASTERDOWN/)
  await promote(first)
  await until('it is ready', async () => (await readiness(url)).status === 200, 5_000)
})

test('a primary that misses its replicas (NOREPLICAS) is kept: sessions go on, logins are 503', async (t) => {
  const { node, url } = await startNode(t, first.url, { SESSION_RENEW_SECONDS: '0' })
  const cookie = cookieOf(await logIn(url))
  await first.inspector.configSet('min-replicas-to-write', '1')
  t.after(() => first.inspector.configSet('min-replicas-to-write', '0'))
  assert.equal((await logIn(url)).status, 503)
  assert.equal((await getUser(url, cookie)).status, 200)
  await first.inspector.configSet('min-replicas-to-write', '0')
  assert.equal((await logIn(url)).status, 200)
  assert.ok(!node.lines.some(({ msg }) => msg === 'Redis connection lost'))
})

test('a Redis that may evict sessions is said at start, once, and in readiness', async (t) => {
  await first.inspector.configSet({ maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' })
  t.after(() => first.inspector.configSet({ maxmemory: '0', 'maxmemory-policy': 'noeviction' }))
  const { node, url } = await startNode(t, first.url)
  const isWarning = ({ level }: LogLine) => level === 'warn'
  await isAbout(node, /allkeys-lru.*noeviction/, isWarning)
  const { status, body } = await readiness(url)
  assert.equal(status, 200)
  assert.match(body.warnings.join(), /allkeys-lru.*noeviction/)

  await first.kill()
  await first.start()
  await first.inspector.configSet({ maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' })
  await until('it is ready again', async () => (await readiness(url)).status === 200)
  assert.equal(node.lines.filter(isWarning).filter(({ msg }) => /allkeys-lru/.test(String(msg))).length, 1)
})

for (const [what, maxmemory, policy] of [
  ['evicts nothing', '100mb', 'noeviction'],
  ['has no limit', '0', 'allkeys-lru'],
] as const) {
  test(`nothing is said of a Redis that ${what}`, async (t) => {
    await first.inspector.configSet({ maxmemory, 'maxmemory-policy': policy })
    t.after(() => first.inspector.configSet({ maxmemory: '0', 'maxmemory-policy': 'noeviction' }))
    const { node, url } = await startNode(t, first.url)
    assert.deepEqual(await readiness(url), { status: 200, body: { status: 'ready' } })
    assert.deepEqual(
      node.lines.filter(({ level }) => level !== 'info'),
      [],
    )
  })
}

test('a Redis that keeps INFO to itself is served without a warning, and its role is known all the same', async (t) => {
  await first.inspector.configSet({ maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' })
  await first.inspector.sendCommand([
    'ACL',
    'SETUSER',
    'narrow',
    'on',
    '>secret',
    '~*',
    '&*',
    '+@all',
    '-info',
    '-config',
  ])
  t.after(() => first.inspector.configSet({ maxmemory: '0', 'maxmemory-policy': 'noeviction' }))
  t.after(() => promote(first))
  const address = first.url.replace('redis://', 'redis://narrow:secret@')
  const { node, url } = await startNode(t, address, { LOG_LEVEL: 'debug' })
  await node.line(({ level, msg }) => level === 'debug' && /maxmemory-policy.*unknown/.test(String(msg)))
  assert.deepEqual(await readiness(url), { status: 200, body: { status: 'ready' } })
  await follow(first, second)
  assert.match((await readiness(url)).body.detail, /is a replica/)
})

test('a Redis that still loads its data is waited for', async (t) => {
  const { url } = await startNode(t, first.url)
  // 5 ms for each key, and about ten keys between two moments in which Redis answers that it loads.
  const slowly = { 'key-load-delay': '5000', 'loading-process-events-interval-bytes': '1024', rdbcompression: 'no' }
  await first.inspector.configSet({ ...slowly, appendonly: 'no' })
  await first.inspector.sendCommand(['DEBUG', 'POPULATE', '2000', 'filler', '100'])
  t.after(() => first.inspector.flushAll())
  const reloading = first.inspector.sendCommand(['DEBUG', 'RELOAD'])
  await until('it is loading', async () => (await readiness(url)).status === 503)
  const late = await startNode(t, first.url)
  assert.match((await readiness(late.url)).body.detail, /LOADING/)
  await first.inspector.configSet('key-load-delay', '0')
  await reloading
  for (const node of [url, late.url]) await until('it is ready', async () => (await readiness(node)).status === 200)
})
