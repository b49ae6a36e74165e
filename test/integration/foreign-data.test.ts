import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { connectRedis } from 'app/redis/connect'
import { createLoginThrottle, type ThrottleOptions } from 'app/users/login-throttle'
import { listenTo, telling } from '../support/event-client.ts'
import { cookieOf, getUser, logIn, logOut, send } from '../support/http.ts'
import { type LogLine, type Program, runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { aUser, storeOn } from '../support/stores.ts'
import { newAccount, PATIENT, quiet, startTestNode } from '../support/test-node.ts'
import { until } from '../support/until.ts'

let redis: TestRedis
before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

/** A node with an account that no other test uses. */
async function nodeWith(t: TestContext, username: string, throttle: Partial<ThrottleOptions> = {}) {
  const { account, password } = await newAccount(username)
  // Behind a proxy, because the loopback address is shared by many clients and has no failure count.
  const node = await startTestNode(redis.url, { name: 'app-1', accounts: [account], throttle, trustProxyHops: 1 })
  t.after(() => node.stop())
  const headers = { 'X-Forwarded-For': '192.0.2.1' }
  const logInAs = (typed = password) => logIn(node.url, { username, password: typed }, headers)
  return { url: node.url, logInAs }
}

/** The program itself, because a test reads its log. */
async function program(t: TestContext, env: Record<string, string> = {}): Promise<{ url: string; node: Program }> {
  const node = runNode('server', { REDIS_URL: redis.url, NODE_NAME: 'app-1', ...env })
  t.after(async () => {
    node.signal('SIGKILL')
    await node.ended
  })
  const { url } = await node.listening()
  return { url, node }
}

async function twoConnections(t: TestContext) {
  const connect = () => connectRedis({ url: redis.url, deadlineMs: 2_000 }, quiet)
  const connections = [await connect(), await connect()]
  t.after(() => Promise.all(connections.map((connection) => connection.close())))
  return connections
}

const listedSessions = async (url: string, cookie: string): Promise<{ id: string }[]> =>
  JSON.parse(await (await send(url, '/api/sessions', { cookie })).text()).sessions
const isOfLevel = (level: string) => (line: LogLine) => line.level === level

for (const cacheEntries of [0, 100]) {
  test(`a key of another type at session:<token> is no session${cacheEntries ? ', also with a cache' : ''}`, async (t) => {
    const { account, password } = await newAccount('mislaid')
    const node = await startTestNode(redis.url, { name: 'app-1', accounts: [account], cacheEntries })
    t.after(() => node.stop())
    const login = await logIn(node.url, { username: 'mislaid', password })
    const cookie = cookieOf(login)
    const key = `session:${cookie.slice(4)}`
    await redis.inspector.del(key)
    await redis.inspector.rPush(key, ['of', 'another', 'program'])
    await until('the node rejects the session', async () => (await getUser(node.url, cookie)).status === 401)
    for (const path of ['/api/user', '/api/sessions'])
      assert.equal((await send(node.url, path, { cookie })).status, 401, path)
    assert.equal((await logOut(node.url, cookie)).status, 204)
    const again = await logIn(node.url, { username: 'mislaid', password }, { Cookie: cookie })
    assert.equal(again.status, 200)
    assert.deepEqual(
      await redis.inspector.lRange(key, 0, -1),
      ['of', 'another', 'program'],
      'the node must not delete a foreign key',
    )
    await redis.inspector.del(key)
  })
}

test('a session replaced by a key of another type during renewal or rotation is 401', async (t) => {
  const { account, password } = await newAccount('turned')
  const session = { renewSeconds: 0, rotateSeconds: 1 }
  const node = await startTestNode(redis.url, { name: 'app-1', accounts: [account], session })
  t.after(() => node.stop())
  const statuses = new Set<number>()
  for (let round = 0; round < 10; round++) {
    const cookie = cookieOf(await logIn(node.url, { username: 'turned', password }))
    const key = `session:${cookie.slice(4)}`
    const reads = Array.from({ length: 20 }, () => getUser(node.url, cookie))
    await redis.inspector.multi().del(key).rPush(key, 'x').exec()
    for (const { status } of await Promise.all(reads)) statuses.add(status)
    await redis.inspector.del(key)
  }
  assert.deepEqual(
    [...statuses].filter((status) => status !== 200 && status !== 401),
    [],
  )
})

test('ten index entries that point to keys of another type do not prevent a login and are removed', async (t) => {
  const { url, logInAs } = await nodeWith(t, 'crowded')
  const keys = Array.from({ length: 12 }, (_, place) => `session:${`crowded${place}`.padEnd(43, '-')}`)
  for (const [place, key] of keys.entries()) {
    await redis.inspector.rPush(key, 'of another program')
    await redis.inspector.zAdd('user-sessions:crowded', { score: Date.now() + 1e7 + place, value: key.slice(8) })
  }
  const login = await logInAs()
  assert.equal(login.status, 200)
  assert.equal((await listedSessions(url, cookieOf(login))).length, 1)
  assert.equal(await redis.inspector.zCard('user-sessions:crowded'), 1)
  await redis.inspector.del(keys)
})

test('the next login replaces an index of another type and logs one line', async (t) => {
  const { url, node } = await program(t)
  await redis.inspector.set('user-sessions:ada', 'of another program')
  const first = await logIn(url)
  assert.equal(first.status, 200)
  assert.equal((await logIn(url)).status, 200)
  assert.equal((await listedSessions(url, cookieOf(first))).length, 2)
  assert.equal(await redis.inspector.zCard('user-sessions:ada'), 2)
  assert.ok((await redis.inspector.ttl('user-sessions:ada')) > 0)
  const warnings = node.lines.filter(isOfLevel('warn'))
  assert.equal(warnings.length, 1)
  assert.match(JSON.stringify(warnings), /user-sessions:ada/)
})

test('concurrent logins on two nodes replace an index of another type, and it has both sessions', async (t) => {
  const connections = await twoConnections(t)
  const stores = connections.map((connection) => storeOn(connection, { maxPerUser: 100 }))
  for (let round = 0; round < 20; round++) {
    const username = `simultaneous-${round}`
    await redis.inspector.set(`user-sessions:${username}`, 'of another program')
    await Promise.all(stores.flatMap((store) => Array.from({ length: 10 }, () => store.setSession(aUser(username)))))
    assert.equal(await redis.inspector.zCard(`user-sessions:${username}`), 20)
  }
})

test('concurrent failures on two nodes replace counts of another type, and all are counted', async (t) => {
  const options = { ...PATIENT, windowSeconds: 900 }
  const throttles = (await twoConnections(t)).map((connection) => createLoginThrottle(connection, options))
  for (let round = 0; round < 20; round++) {
    const attempt = { username: 'simultaneous', address: `198.51.100.${round}` }
    await redis.inspector.del([...(await redis.inspector.keys('login-counts*')), 'none'])
    await (await throttles[0]?.begin(attempt))?.failed()
    const keys = await redis.inspector.keys('login-counts*')
    assert.equal(keys.length, 2)
    for (const key of keys) await redis.inspector.multi().del(key).rPush(key, 'of another program').exec()
    const failing = throttles.flatMap((one) =>
      Array.from({ length: 10 }, async () => (await one.begin(attempt))?.failed()),
    )
    await Promise.all(failing)
    for (const key of keys) {
      assert.match((await redis.inspector.get(key)) ?? '', /^20:\d+ 0:\d+ 0:\d+$/)
    }
  }
})

test('an index of another type hides no session from its user and prevents no logout', async (t) => {
  const { url, logInAs } = await nodeWith(t, 'unindexed')
  const cookie = cookieOf(await logInAs())
  await redis.inspector.set('user-sessions:unindexed', 'of another program')
  assert.equal((await getUser(url, cookie)).status, 200)
  assert.deepEqual(await listedSessions(url, cookie), [])
  assert.equal((await logOut(url, cookie)).status, 204)
  assert.equal((await getUser(url, cookie)).status, 401)
})

test('a disabled-users key of another type rejects every login, leaves no session, and is named in the log', async (t) => {
  await redis.inspector.set('disabled-users', 'of another program')
  t.after(() => redis.inspector.del('disabled-users'))
  const { url, node } = await program(t)
  await redis.inspector.del('user-sessions:ada')
  assert.equal((await logIn(url)).status, 503)
  const line = await node.line(({ path }) => path === '/auth/login')
  assert.match(String(line.reason), /disabled-users.*KEY_PREFIX/)
  assert.deepEqual(await redis.inspector.zRange('user-sessions:ada', 0, -1), [])
})

for (const [kind, prefix, throttle] of [
  ['one account', 'login-counts:', { maxFailures: 3 }],
  ['one address', 'login-counts-address:', { maxFailuresPerAddress: 3 }],
] as const) {
  const forgetAll = async () => redis.inspector.del([...(await redis.inspector.keys('login-counts*')), 'none'])

  /** A node, and the key of its count, which has three failures that end at this time. */
  async function nodeWithFailures(t: TestContext, username: string, endMs: number, set: { EX?: number }) {
    await forgetAll()
    const node = await nodeWith(t, username, throttle)
    assert.equal((await node.logInAs('a guess')).status, 401)
    const [key = ''] = await redis.inspector.keys(`${prefix}*`)
    await redis.inspector.set(key, `3:${endMs} 0:0 0:0`, set)
    return { ...node, key }
  }

  test(`a failure count with ${kind} without a TTL expires, and the next login gives it a TTL`, async (t) => {
    const { logInAs, key } = await nodeWithFailures(t, `endless-${prefix.length}`, Date.now() + 600_000, {})
    assert.equal((await logInAs()).status, 429)
    await redis.inspector.set(key, `3:${Date.now() + 500} 0:0 0:0`)
    await until('the failure count has expired', async () => (await logInAs()).status === 200)
    assert.ok((await redis.inspector.pTTL(key)) > 0)
  })

  test(`a failure count with ${kind} whose end is too late gets a normal one`, async (t) => {
    const { logInAs, key } = await nodeWithFailures(t, `far-${prefix.length}`, 9_999_999_999_999, { EX: 1_000_000 })
    assert.equal((await logInAs()).headers.get('Retry-After'), '900')
    const [, endMs] = /^3:(\d+) /.exec((await redis.inspector.get(key)) ?? '') ?? []
    assert.ok(Number(endMs) <= Date.now() + 900_000)
    assert.ok((await redis.inspector.ttl(key)) <= 900)
  })

  for (const type of ['list', 'text', 'number'] as const) {
    test(`a failure count with ${kind} that is no number (${type}) is replaced for all nodes`, async (t) => {
      await forgetAll()
      const { logInAs } = await nodeWith(t, `uncounted-${type}-${prefix.length}`, throttle)
      assert.equal((await logInAs('a guess')).status, 401)
      const [key = ''] = await redis.inspector.keys(`${prefix}*`)
      await redis.inspector.del(key)
      if (type === 'list') await redis.inspector.rPush(key, 'of another program')
      // Also what the version before could have written.
      else await redis.inspector.set(key, type === 'text' ? 'of another program' : '3')
      for (let guess = 0; guess < 3; guess++) assert.equal((await logInAs('a guess')).status, 401)
      assert.match((await redis.inspector.get(key)) ?? '', /^3:/)
      assert.equal((await logInAs()).status, 429)
      await redis.inspector.del(key)
    })
  }
}

test('foreign entries in the event stream and channel are ignored, with one log line for all', async (t) => {
  t.after(() => redis.inspector.del('events'))
  for (let entry = 0; entry < 50; entry++) await redis.inspector.xAdd('events', '*', { order: `${entry}` })
  const { url, node } = await program(t)
  for (let message = 0; message < 50; message++) await redis.inspector.publish('events', `message ${message}`)
  const page = await listenTo(url)
  await logIn(url)
  await page.message(telling('node_up', { node: 'app-1' }))
  const warnings = node.lines.filter(isOfLevel('warn'))
  assert.equal(warnings.length, 1)
  assert.match(JSON.stringify(warnings), /events.*KEY_PREFIX/)
  page.close()
})

test('foreign keys named nodes and events are logged once each and not changed, and sessions keep working', async (t) => {
  await redis.inspector.del(['nodes', 'events'])
  await redis.inspector.set('nodes', 'of another program')
  await redis.inspector.set('events', 'of another program')
  t.after(() => redis.inspector.del(['nodes', 'events']))
  const { url, node } = await program(t)
  const page = await listenTo(url)
  const cookie = cookieOf(await logIn(url))
  assert.equal((await getUser(url, cookie)).status, 200)
  assert.equal((await fetch(`${url}/readyz`)).status, 200)
  const answer = await fetch(`${url}/api/cluster`)
  assert.equal(answer.status, 503)
  assert.match(JSON.parse(await answer.text()).detail, /"nodes".*KEY_PREFIX/)

  // By now the node has retried each key several times.
  const earlier = await redis.calls()
  await until(
    'the node retries the heartbeat',
    async () => ((await redis.calls()).hset ?? 0) >= (earlier.hset ?? 0) + 5,
  )
  const complaints = node.lines.filter((line) => line.level === 'error' && line.path === undefined)
  const named = complaints.map(({ msg }) => /"(nodes|events)"/.exec(String(msg))?.[1])
  assert.deepEqual(named.sort(), ['events', 'nodes'])
  for (const { msg } of complaints) assert.match(String(msg), /KEY_PREFIX/)
  assert.deepEqual(node.lines.filter(isOfLevel('warn')), [])
  assert.equal(await redis.inspector.get('nodes'), 'of another program')
  assert.equal(await redis.inspector.get('events'), 'of another program')
  assert.ok(!page.messages.some(telling('redis_lost')), 'the node reports a lost Redis connection')
  page.close()

  await redis.inspector.del(['nodes', 'events'])
  await until('the node is listed', async () => (await fetch(`${url}/api/cluster`)).status === 200)
  await until('events are stored again', async () => {
    await logIn(url)
    return (await redis.inspector.xLen('events')) > 0
  })
})
