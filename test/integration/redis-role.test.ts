import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { appendAndPublish } from 'app/redis/append-and-publish'
import { connectRedis } from 'app/redis/connect'
import type { RedisClient } from 'app/redis/create-client'
import { RedisDisconnected, RedisUnavailable } from 'app/redis/errors'
import { cookieOf, getUser, logIn } from '../support/http.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { type LogLine, type Program, runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { untilWithin } from '../support/stopwatch.ts'
import { startTcpSwitch } from '../support/tcp-switch.ts'
import { quiet } from '../support/test-node.ts'
import { until } from '../support/until.ts'

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
  const { url } = await node.listening()
  return { node, url }
}

const readiness = async (url: string) => {
  const answer = await fetch(`${url}/readyz`)
  return { status: answer.status, body: JSON.parse(await answer.text()) }
}
const isAbout = (node: Program, text: RegExp, fits: (line: LogLine) => boolean = () => true) =>
  node.line((line) => text.test(`${line.msg} ${line.reason}`) && fits(line))

for (const cache of ['off', 'on']) {
  test(`a node whose Redis becomes a replica is not ready and returns 503, until Redis is the primary again (cache ${cache})`, async (t) => {
    t.after(() => promote(first))
    const { node, url } = await startNode(t, first.url, { SESSION_CACHE: cache })
    const cookie = cookieOf(await logIn(url))
    await follow(first, second)
    assert.equal((await logIn(url)).status, 503)
    const { status, body } = await readiness(url)
    assert.equal(status, 503)
    assert.match(body.detail, /replica/)
    await isAbout(node, /Redis at 127\.0\.0\.1:\d+ is a replica.*Point REDIS_URL at the primary/)
    assert.equal((await getUser(url, cookie)).status, 503, 'sessions are not read from a replica')

    await promote(first)
    await untilWithin(5_000, 'a login succeeds', async () => (await logIn(url)).status === 200)
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
  test(`READONLY as the reply to ${what} replaces the connection immediately`, async (t) => {
    await first.inspector.set('role', 'kept')
    const connection = await connectRedis({ url: first.url, deadlineMs: 1_000 }, quiet)
    t.after(async () => {
      await promote(first)
      await connection.close()
      await first.inspector.del(['role', 'role-events'])
    })
    await follow(first, { port: await lastingPort() })
    await assert.rejects(connection.run('role', write), RedisUnavailable)
    await assert.rejects(
      connection.run('role', (client) => client.get('role')),
      RedisDisconnected,
    )
    await promote(first)
    await until(
      'the new connection can write',
      () =>
        connection.run('role', write).then(
          () => true,
          () => false,
        ),
      5_000,
    )
  })
}

test('readiness detects that Redis has become a replica without a write', async (t) => {
  t.after(() => promote(first))
  const { url } = await startNode(t, first.url)
  await follow(first, second)
  assert.equal((await readiness(url)).status, 503)
})

test('after a failover behind the same name, the connection is replaced and existing sessions remain', async (t) => {
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
  await until('the second has the session', () => second.inspector.exists(`session:${cookie.slice(4)}`))

  await promote(second)
  name.turnTo(portOf(second))
  await follow(first, second)
  await untilWithin(3_000, 'a login succeeds', async () => (await logIn(url)).status === 200)
  assert.equal((await getUser(url, cookie)).status, 200)
  assert.equal((await readiness(url)).status, 200)
  assert.ok((await second.inspector.keys('session:*')).length >= 2)
})

test('a node started with a replica is alive and reports why it is not ready, until Redis is the primary', async (t) => {
  await follow(first, second)
  t.after(() => promote(first))
  const { node, url } = await startNode(t, first.url)
  await isAbout(node, /is a replica.*Point REDIS_URL at the primary/, ({ level }) => level === 'error')
  assert.equal((await fetch(`${url}/livez`)).status, 200)
  const { status, body } = await readiness(url)
  assert.equal(status, 503)
  assert.match(body.detail, /replica/)
  await promote(first)
  await untilWithin(5_000, 'the node is ready', async () => (await readiness(url)).status === 200)
})

test('a node waits for a replica that may not serve data (MASTERDOWN), also at startup', async (t) => {
  await first.inspector.configSet('replica-serve-stale-data', 'no')
  await follow(first, { port: await lastingPort() })
  t.after(async () => {
    await promote(first)
    await first.inspector.configSet('replica-serve-stale-data', 'yes')
  })
  const { url } = await startNode(t, first.url)
  assert.match((await readiness(url)).body.detail, /MASTERDOWN/)
  await promote(first)
  await untilWithin(5_000, 'the node is ready', async () => (await readiness(url)).status === 200)
})

test('with a primary without enough replicas (NOREPLICAS), sessions work and logins are 503', async (t) => {
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

test('a node warns once at startup, and in readiness, if Redis may evict sessions', async (t) => {
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
  await until('the node is ready again', async () => (await readiness(url)).status === 200)
  assert.equal(node.lines.filter(isWarning).filter(({ msg }) => /allkeys-lru/.test(String(msg))).length, 1)
})

for (const [what, maxmemory, policy] of [
  ['evicts nothing', '100mb', 'noeviction'],
  ['has no limit', '0', 'allkeys-lru'],
] as const) {
  test(`a node does not warn about a Redis that ${what}`, async (t) => {
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

test('without permission for INFO, a node serves without a warning and still detects the role of Redis', async (t) => {
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

test('a node waits while Redis loads its data', async (t) => {
  const { url } = await startNode(t, first.url)
  // 5 ms for each key. Redis replies that it is loading after about every ten keys.
  const slowly = { 'key-load-delay': '5000', 'loading-process-events-interval-bytes': '1024', rdbcompression: 'no' }
  await first.inspector.configSet({ ...slowly, appendonly: 'no' })
  await first.inspector.sendCommand(['DEBUG', 'POPULATE', '2000', 'filler', '100'])
  t.after(() => first.inspector.flushAll())
  const reloading = first.inspector.sendCommand(['DEBUG', 'RELOAD'])
  await until('Redis is loading', async () => (await readiness(url)).status === 503)
  const late = await startNode(t, first.url)
  assert.match((await readiness(late.url)).body.detail, /LOADING/)
  await first.inspector.configSet('key-load-delay', '0')
  await reloading
  for (const node of [url, late.url])
    await until('the node is ready', async () => (await readiness(node)).status === 200)
})
