// The functions that the nodes call in Redis: loaded by an administrator, or by the nodes where they may.
import assert from 'node:assert/strict'
import { after, afterEach, before, type TestContext, test } from 'node:test'
import { appendAndPublish } from '../../src/redis/append-and-publish.ts'
import { connectRedis } from '../../src/redis/connection.ts'
import { LIBRARY } from '../../src/redis/function-library.ts'
import { cookieOf, getUser, post } from '../lib/http.ts'
import { runNode } from '../lib/program.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'
import { startTcpSwitch } from '../lib/tcp-switch.ts'
import { quiet } from '../lib/test-node.ts'
import { until } from '../lib/until.ts'

let redis: TestRedis
before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())
afterEach(() => redis.inspector.sendCommand(['ACL', 'DELUSER', 'app']))

const ADVICE =
  /functions of this version \(sessions_[0-9a-f]{8}\) are not loaded.*redis-cli -x FUNCTION LOAD < app\/redis\/functions\.lua/

/** A user like that of deploy/secrets: it may send no script and load no function. */
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
  const { port } = await node.line(({ msg }) => msg === 'Listening')
  return `http://127.0.0.1:${port}`
}

const logIn = (url: string, password = 'analytical-engine') => post(url, '/auth/login', { username: 'ada', password })

const readiness = async (url: string) => (await fetch(`${url}/readyz`)).status

test('a node that may load the functions does so, also into an empty Redis that took the place of its own', async (t) => {
  const second = await startTestRedis()
  t.after(() => second.stop())
  const name = await startTcpSwitch(Number(new URL(redis.url).port))
  t.after(() => name.stop())
  await redis.inspector.sendCommand(['FUNCTION', 'FLUSH'])
  const url = await urlOf(start(t, `redis://127.0.0.1:${name.port}`))
  assert.equal((await getUser(url, cookieOf(await logIn(url)))).status, 200)
  name.turnTo(Number(new URL(second.url).port))
  await redis.inspector.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
  await until('the node is ready again', async () => (await readiness(url)) === 200)
  assert.equal((await getUser(url, cookieOf(await logIn(url)))).status, 200)
  assert.equal((await logIn(url, 'wrong')).status, 401)
})

test('functions that are deleted while a node runs are loaded again', async (t) => {
  const url = await urlOf(start(t, redis.url))
  await redis.inspector.sendCommand(['FUNCTION', 'FLUSH'])
  await until('the node has loaded them', async () => (await readiness(url)) === 200)
  assert.equal((await logIn(url)).status, 200)
})

test('a user that may neither load functions nor send scripts can do all that the app does', async (t) => {
  await redis.inspector.sendCommand(['FUNCTION', 'LOAD', 'REPLACE', LIBRARY])
  await limitUser()
  const node = start(t, asApp())
  const url = await urlOf(node)
  const cookie = cookieOf(await logIn(url))
  assert.equal((await getUser(url, cookie)).status, 200)
  assert.equal((await logIn(url, 'wrong')).status, 401)
  assert.equal((await post(url, '/auth/logout', {}, { Cookie: cookie })).status, 204)
  assert.deepEqual(await redis.inspector.sendCommand(['ACL', 'LOG']), [])
})

test('where the functions are missing and the Redis user may not load them, the node ends with what to do', async (t) => {
  await redis.inspector.sendCommand(['FUNCTION', 'FLUSH'])
  await limitUser()
  const node = start(t, asApp())
  const { msg = '' } = await node.line(({ level }) => level === 'fatal')
  assert.match(msg, ADVICE)
  assert.doesNotMatch(msg, /Start one/)
  assert.equal(await node.ended, 1)
})

test('functions that go missing while a node runs make it not ready, and it says what to do, until they are loaded', async (t) => {
  await redis.inspector.sendCommand(['FUNCTION', 'LOAD', 'REPLACE', LIBRARY])
  await limitUser()
  const url = await urlOf(start(t, asApp()))
  await redis.inspector.sendCommand(['FUNCTION', 'FLUSH'])
  await until('it says why', async () => {
    const answer = await fetch(`${url}/readyz`)
    return answer.status === 503 && ADVICE.test(await answer.text())
  })
  await redis.inspector.sendCommand(['FUNCTION', 'LOAD', LIBRARY])
  await until('it is ready', async () => (await readiness(url)) === 200)
})

test('the functions of two versions are loaded at once, so a rolling update serves with both', async () => {
  await redis.inspector.sendCommand(['FUNCTION', 'FLUSH'])
  await redis.inspector.sendCommand(['FUNCTION', 'LOAD', LIBRARY])
  const other = LIBRARY.replace(/_[0-9a-f]{8}\b/g, '_0a0a0a0a')
  await redis.inspector.sendCommand(['FUNCTION', 'LOAD', other])
  const connection = await connectRedis({ url: redis.url, deadlineMs: 1_000 }, quiet)
  assert.equal(await connection.run((client) => client.atomic.functionsReady()), 'OK')
  await connection.close()
  assert.equal(await redis.inspector.sendCommand(['FCALL', 'ready_0a0a0a0a', '0']), 'OK')
})

test('a full Redis renews and deletes by functions, and publishes what it cannot keep', async (t) => {
  const connection = await connectRedis({ url: redis.url, deadlineMs: 1_000 }, quiet)
  t.after(async () => {
    await redis.inspector.configSet('maxmemory', '0')
    await connection.close()
  })
  await redis.inspector.set('full', 'value', { EX: 10 })
  await redis.inspector.set('foreign', 'text')
  await redis.inspector.configSet('maxmemory', '1')
  const renewal = { ttlMs: 60_000, renewMs: 0, latestEndMs: Number.MAX_SAFE_INTEGER }
  assert.ok(await connection.run((client) => client.atomic.expireIfUnchanged('full', 'value', renewal)))
  assert.ok((await redis.inspector.ttl('full')) > 50)
  assert.equal(await connection.run((client) => client.atomic.deleteUnlessCount('foreign')), true)
  const entry = { channel: 'x', text: '{}', most: 9 }
  assert.equal(await connection.run((client) => appendAndPublish(client, 'full-events', entry)), 'published')
  await assert.rejects(
    connection.run((client) => client.atomic.setIfUnchanged('full', 'value', 'other', 60_000)),
    /OOM/,
  )
})
