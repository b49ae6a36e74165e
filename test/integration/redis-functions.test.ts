// The Redis functions that nodes call. An administrator loads them, or a node with the permission does.
import assert from 'node:assert/strict'
import { after, afterEach, before, type TestContext, test } from 'node:test'
import { appendAndPublish } from 'app/redis/append-and-publish'
import { LIBRARY } from 'app/redis/atomic'
import { connectRedis } from 'app/redis/connect'
import { ADA, cookieOf, getUser, logIn, logOut } from '../support/http.ts'
import { runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { startTcpSwitch } from '../support/tcp-switch.ts'
import { quiet } from '../support/test-node.ts'
import { until } from '../support/until.ts'

let redis: TestRedis
before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())
afterEach(() => redis.inspector.sendCommand(['ACL', 'DELUSER', 'app']))

const ADVICE =
  /functions of this version \(sessions_[0-9a-f]{8}\) are not loaded.*redis-cli -x FUNCTION LOAD < app\/redis\/functions\.lua/

/** A Redis user like that of deploy/secrets: it may neither run scripts nor load functions. */
const limitUser = () =>
  redis.inspector.sendCommand(
    'ACL SETUSER app reset on >secret ~* &* +@all -eval -evalsha -eval_ro -evalsha_ro -script -function'.split(' '),
  )
const asApp = () => redis.url.replace('//', '//app:secret@')

function start(t: TestContext, url: string) {
  const node = runNode('server', { REDIS_URL: url, NODE_NAME: 'app-1' })
  t.after(async () => {
    node.signal('SIGKILL')
    await node.ended
  })
  return node
}

const urlOf = async (node: ReturnType<typeof start>) => {
  return (await node.listening()).url
}

const readiness = async (url: string) => (await fetch(`${url}/readyz`)).status

test('a node with the permission loads the functions, also into an empty Redis that replaces the old one', async (t) => {
  const second = await startTestRedis()
  t.after(() => second.stop())
  const name = await startTcpSwitch(Number(new URL(redis.url).port))
  t.after(() => name.stop())
  await redis.inspector.sendCommand(['FUNCTION', 'FLUSH'])
  const url = await urlOf(start(t, `redis://127.0.0.1:${name.port}`))
  assert.equal((await getUser(url, cookieOf(await logIn(url)))).status, 200)
  name.turnTo(Number(new URL(second.url).port))
  await redis.inspector.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes'])
  await until('the node is ready again', async () => (await readiness(url)) === 200)
  assert.equal((await getUser(url, cookieOf(await logIn(url)))).status, 200)
  assert.equal((await logIn(url, { ...ADA, password: 'wrong' })).status, 401)
})

test('a running node reloads functions that were deleted', async (t) => {
  const url = await urlOf(start(t, redis.url))
  await redis.inspector.sendCommand(['FUNCTION', 'FLUSH'])
  await until('the node has loaded the functions', async () => (await readiness(url)) === 200)
  assert.equal((await logIn(url)).status, 200)
})

test('a Redis user without permission for scripts and loading functions can run the whole app', async (t) => {
  await redis.inspector.sendCommand(['FUNCTION', 'LOAD', 'REPLACE', LIBRARY])
  await limitUser()
  const node = start(t, asApp())
  const url = await urlOf(node)
  const cookie = cookieOf(await logIn(url))
  assert.equal((await getUser(url, cookie)).status, 200)
  assert.equal((await logIn(url, { ...ADA, password: 'wrong' })).status, 401)
  assert.equal((await logOut(url, cookie)).status, 204)
  assert.deepEqual(await redis.inspector.sendCommand(['ACL', 'LOG']), [])
})

test('without the functions and without permission to load them, a node exits at startup with a remedy', async (t) => {
  await redis.inspector.sendCommand(['FUNCTION', 'FLUSH'])
  await limitUser()
  const node = start(t, asApp())
  const { msg = '' } = await node.line(({ level }) => level === 'fatal')
  assert.match(msg, ADVICE)
  assert.doesNotMatch(msg, /Start one/)
  assert.equal(await node.ended, 1)
})

test('a running node whose functions are deleted is not ready and prints a remedy, until they are loaded', async (t) => {
  await redis.inspector.sendCommand(['FUNCTION', 'LOAD', 'REPLACE', LIBRARY])
  await limitUser()
  const url = await urlOf(start(t, asApp()))
  await redis.inspector.sendCommand(['FUNCTION', 'FLUSH'])
  await until('readiness names the cause', async () => {
    const answer = await fetch(`${url}/readyz`)
    return answer.status === 503 && ADVICE.test(await answer.text())
  })
  await redis.inspector.sendCommand(['FUNCTION', 'LOAD', LIBRARY])
  await until('the node is ready', async () => (await readiness(url)) === 200)
})

test('the functions of two versions can be loaded together, so both versions serve during a rolling update', async () => {
  await redis.inspector.sendCommand(['FUNCTION', 'FLUSH'])
  await redis.inspector.sendCommand(['FUNCTION', 'LOAD', LIBRARY])
  const other = LIBRARY.replace(/_[0-9a-f]{8}\b/g, '_0a0a0a0a')
  await redis.inspector.sendCommand(['FUNCTION', 'LOAD', other])
  const connection = await connectRedis({ url: redis.url, deadlineMs: 1_000 }, quiet)
  assert.equal(await connection.run('', (client) => client.atomic.functionsReady()), 'OK')
  await connection.close()
  assert.equal(await redis.inspector.sendCommand(['FCALL', 'ready_0a0a0a0a', '0']), 'OK')
})

test('the list of a user’s sessions lasts as long as the longest of them, also after SESSION_ABSOLUTE_SECONDS was lowered', async (t) => {
  const connection = await connectRedis({ url: redis.url, deadlineMs: 1_000 }, quiet)
  t.after(connection.close)
  const add = (name: string, lastsMs: number, endMs = Date.now() + lastsMs) =>
    connection.run('', (client) => client.atomic.addToIndex('list', { name, endMs, lastsMs }))
  await add('long', 43_200_000)
  await add('short', 3_600_000)
  assert.ok((await redis.inspector.pTTL('list')) > 43_000_000)
  // A wrong entry of another program must not prevent a login.
  await add('endless', 3_600_000, Number.POSITIVE_INFINITY)
  assert.ok((await redis.inspector.pTTL('list')) <= 3_600_000)
})

test('on a full Redis, the functions still renew and delete, and publish events that cannot be stored', async (t) => {
  const connection = await connectRedis({ url: redis.url, deadlineMs: 1_000 }, quiet)
  t.after(async () => {
    await redis.inspector.configSet('maxmemory', '0')
    await connection.close()
  })
  await redis.inspector.set('full', 'value', { EX: 10 })
  const limits = { maxFailures: 5, failuresMs: 60_000, maxLogins: 5, loginsMs: 60_000, checksMs: 60_000 }
  await connection.run('', (client) => client.atomic.beginLogin('counts', limits))
  await redis.inspector.configSet('maxmemory', '1')
  const renewal = { ttlMs: 60_000, renewMs: 0, latestEndMs: Number.MAX_SAFE_INTEGER }
  assert.ok(await connection.run('', (client) => client.atomic.expireIfUnchanged('full', 'value', renewal)))
  assert.ok((await redis.inspector.ttl('full')) > 50)
  // So the outcome of a check that has begun is counted.
  await connection.run('', (client) => client.atomic.endLogin('counts', limits, 'failed'))
  assert.match((await redis.inspector.get('counts')) ?? '', /^1:\d+ 0:\d+ 0:\d+$/)
  await assert.rejects(
    connection.run('', (client) => client.atomic.beginLogin('counts', limits)),
    /OOM/,
  )
  const entry = { channel: 'x', text: '{}', most: 9 }
  assert.equal(await connection.run('', (client) => appendAndPublish(client, 'full-events', entry)), 'published')
  await assert.rejects(
    connection.run('', (client) => client.atomic.setIfUnchanged('full', 'value', 'other', 60_000)),
    /OOM/,
  )
})
