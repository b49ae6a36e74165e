import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { connectRedis } from '../../src/redis/connection.ts'
import type { ThrottleOptions } from '../../src/users/login-throttle.ts'
import { createRedisCount } from '../../src/users/redis-count.ts'
import { listenTo, telling } from '../lib/event-client.ts'
import { cookieOf, getUser, post } from '../lib/http.ts'
import { type LogLine, type Program, runNode } from '../lib/program.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'
import { aUser, storeOn } from '../lib/stores.ts'
import { newAccount, quiet, startTestNode } from '../lib/test-node.ts'
import { until } from '../lib/until.ts'

let redis: TestRedis
before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

/** A node with one account that no other test has. */
async function nodeWith(t: TestContext, username: string, throttle: Partial<ThrottleOptions> = {}) {
  const { account, password } = await newAccount(username)
  // Behind a proxy: the loopback address stands for many clients and has no count of its own.
  const node = await startTestNode(redis.url, { name: 'app-1', accounts: [account], throttle, trustProxyHops: 1 })
  t.after(() => node.stop())
  const headers = { 'X-Forwarded-For': '192.0.2.1' }
  const logIn = (typed = password) => post(node.url, '/auth/login', { username, password: typed }, headers)
  return { url: node.url, logIn }
}

/** The program itself, for what is in its log. */
async function program(t: TestContext, env: Record<string, string> = {}): Promise<{ url: string; node: Program }> {
  const node = runNode('server', { REDIS_URL: redis.url, NODE_NAME: 'app-1', ...env })
  t.after(async () => {
    node.signal('SIGKILL')
    await node.ended
  })
  const { port } = await node.line(({ msg }) => msg === 'Listening')
  return { url: `http://127.0.0.1:${port}`, node }
}

async function twoConnections(t: TestContext) {
  const connect = () => connectRedis({ url: redis.url, deadlineMs: 2_000 }, quiet)
  const connections = [await connect(), await connect()]
  t.after(() => Promise.all(connections.map((connection) => connection.close())))
  return connections
}

const logInAsAda = (url: string) => post(url, '/auth/login', { username: 'ada', password: 'analytical-engine' })
const listedSessions = async (url: string, cookie: string): Promise<{ id: string }[]> =>
  JSON.parse(await (await fetch(`${url}/api/sessions`, { headers: { Cookie: cookie } })).text()).sessions
const isOfLevel = (level: string) => (line: LogLine) => line.level === level

for (const cacheEntries of [0, 100]) {
  test(`a key of another type at session:<token> counts as no session${cacheEntries ? ', with a cache too' : ''}`, async (t) => {
    const { account, password } = await newAccount('mislaid')
    const node = await startTestNode(redis.url, { name: 'app-1', accounts: [account], cacheEntries })
    t.after(() => node.stop())
    const login = await post(node.url, '/auth/login', { username: 'mislaid', password })
    const cookie = cookieOf(login)
    const key = `session:${cookie.slice(4)}`
    await redis.inspector.del(key)
    await redis.inspector.rPush(key, ['of', 'another', 'program'])
    await until('the node knows', async () => (await getUser(node.url, cookie)).status === 401)
    for (const path of ['/api/user', '/api/sessions'])
      assert.equal((await fetch(node.url + path, { headers: { Cookie: cookie } })).status, 401, path)
    assert.equal((await post(node.url, '/auth/logout', {}, { Cookie: cookie })).status, 204)
    const again = await post(node.url, '/auth/login', { username: 'mislaid', password }, { Cookie: cookie })
    assert.equal(again.status, 200)
    assert.deepEqual(
      await redis.inspector.lRange(key, 0, -1),
      ['of', 'another', 'program'],
      'it was not ours to delete',
    )
    await redis.inspector.del(key)
  })
}

test('a session that turns into a key of another type while it is renewed or rotated is no session', async (t) => {
  const { account, password } = await newAccount('turned')
  const session = { renewSeconds: 0, rotateSeconds: 1 }
  const node = await startTestNode(redis.url, { name: 'app-1', accounts: [account], session })
  t.after(() => node.stop())
  const statuses = new Set<number>()
  for (let round = 0; round < 10; round++) {
    const cookie = cookieOf(await post(node.url, '/auth/login', { username: 'turned', password }))
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

test('ten entries of the index that lead to keys of another type keep nobody from logging in, and are dropped', async (t) => {
  const { url, logIn } = await nodeWith(t, 'crowded')
  const keys = Array.from({ length: 12 }, (_, place) => `session:${`crowded${place}`.padEnd(43, '-')}`)
  for (const [place, key] of keys.entries()) {
    await redis.inspector.rPush(key, 'of another program')
    await redis.inspector.zAdd('user-sessions:crowded', { score: Date.now() + 1e7 + place, value: key.slice(8) })
  }
  const login = await logIn()
  assert.equal(login.status, 200)
  assert.equal((await listedSessions(url, cookieOf(login))).length, 1)
  assert.equal(await redis.inspector.zCard('user-sessions:crowded'), 1)
  await redis.inspector.del(keys)
})

test('an index of another type is replaced by the next login, with one line in the log', async (t) => {
  const { url, node } = await program(t)
  await redis.inspector.set('user-sessions:ada', 'of another program')
  const first = await logInAsAda(url)
  assert.equal(first.status, 200)
  assert.equal((await logInAsAda(url)).status, 200)
  assert.equal((await listedSessions(url, cookieOf(first))).length, 2)
  assert.equal(await redis.inspector.zCard('user-sessions:ada'), 2)
  assert.ok((await redis.inspector.ttl('user-sessions:ada')) > 0)
  const warnings = node.lines.filter(isOfLevel('warn'))
  assert.equal(warnings.length, 1)
  assert.match(JSON.stringify(warnings), /user-sessions:ada/)
})

test('logins at once on two nodes replace an index of another type without losing each other', async (t) => {
  const connections = await twoConnections(t)
  const stores = connections.map((connection) => storeOn(connection, { maxPerUser: 100 }))
  for (let round = 0; round < 20; round++) {
    const username = `simultaneous-${round}`
    await redis.inspector.set(`user-sessions:${username}`, 'of another program')
    await Promise.all(stores.flatMap((store) => Array.from({ length: 10 }, () => store.setSession(aUser(username)))))
    assert.equal(await redis.inspector.zCard(`user-sessions:${username}`), 20)
  }
})

test('failures at once on two nodes replace a count of another type without losing each other', async (t) => {
  const options = { prefix: 'login-failures', ttlSeconds: 900 }
  const counts = (await twoConnections(t)).map((connection) => createRedisCount(connection, options))
  for (let round = 0; round < 20; round++) {
    const key = `login-failures:simultaneous-${round}`
    await redis.inspector.rPush(key, 'of another program')
    await Promise.all(counts.flatMap((one) => Array.from({ length: 10 }, () => one.add(`simultaneous-${round}`, 1))))
    assert.equal(await redis.inspector.get(key), '20')
    await redis.inspector.del(key)
  }
})

test('an index of another type hides no session from its owner and stops no logout', async (t) => {
  const { url, logIn } = await nodeWith(t, 'unindexed')
  const cookie = cookieOf(await logIn())
  await redis.inspector.set('user-sessions:unindexed', 'of another program')
  assert.equal((await getUser(url, cookie)).status, 200)
  assert.deepEqual(await listedSessions(url, cookie), [])
  assert.equal((await post(url, '/auth/logout', {}, { Cookie: cookie })).status, 204)
  assert.equal((await getUser(url, cookie)).status, 401)
})

test('a list of disabled accounts of another type lets nobody log in, leaves no session, and is named in the log', async (t) => {
  await redis.inspector.set('disabled-users', 'of another program')
  t.after(() => redis.inspector.del('disabled-users'))
  const { url, node } = await program(t)
  await redis.inspector.del('user-sessions:ada')
  assert.equal((await logInAsAda(url)).status, 503)
  const line = await node.line(({ path }) => path === '/auth/login')
  assert.match(String(line.reason), /disabled-users.*KEY_PREFIX/)
  assert.deepEqual(await redis.inspector.zRange('user-sessions:ada', 0, -1), [])
})

for (const [kind, prefix, throttle] of [
  ['one account', 'login-failures:', { maxFailures: 3 }],
  ['one address', 'login-failures-address:', { maxFailuresPerAddress: 3 }],
] as const) {
  test(`a count of failures with ${kind} that lost its end is given one, and then is forgotten`, async (t) => {
    const username = `endless-${prefix.length}`
    await redis.inspector.del(await redis.inspector.keys('login-failures*').then((keys) => [...keys, 'none']))
    const { logIn } = await nodeWith(t, username, { ...throttle, windowSeconds: 2 })
    for (let guess = 0; guess < 3; guess++) assert.equal((await logIn('a guess')).status, 401)
    const [key = ''] = await redis.inspector.keys(`${prefix}*`)
    await redis.inspector.persist(key)
    const refused = await logIn()
    assert.equal(refused.status, 429)
    assert.equal(refused.headers.get('Retry-After'), '2')
    const ttlMs = await redis.inspector.pTTL(key)
    assert.ok(ttlMs > 0 && ttlMs <= 2_000, `TTL is ${ttlMs} ms`)
    await until('the failures are forgotten', async () => (await logIn()).status === 200)
  })

  test(`a count of failures with ${kind} whose end is further away than any of ours is given a near one`, async (t) => {
    await redis.inspector.del(await redis.inspector.keys('login-failures*').then((keys) => [...keys, 'none']))
    const { logIn } = await nodeWith(t, `far-${prefix.length}`, { ...throttle, windowSeconds: 2 })
    for (let guess = 0; guess < 3; guess++) assert.equal((await logIn('a guess')).status, 401)
    const [key = ''] = await redis.inspector.keys(`${prefix}*`)
    await redis.inspector.expire(key, 1_000_000)
    assert.equal((await logIn()).headers.get('Retry-After'), '2')
    await until('the failures are forgotten', async () => (await logIn()).status === 200)
  })

  for (const type of ['list', 'text'] as const) {
    test(`a count of failures with ${kind} that is no number (${type}) is replaced, for all nodes together`, async (t) => {
      await redis.inspector.del(await redis.inspector.keys('login-failures*').then((keys) => [...keys, 'none']))
      const { logIn } = await nodeWith(t, `uncounted-${type}-${prefix.length}`, throttle)
      assert.equal((await logIn('a guess')).status, 401)
      const [key = ''] = await redis.inspector.keys(`${prefix}*`)
      await redis.inspector.del(key)
      if (type === 'list') await redis.inspector.rPush(key, 'of another program')
      else await redis.inspector.set(key, 'of another program')
      for (let guess = 0; guess < 3; guess++) assert.equal((await logIn('a guess')).status, 401)
      assert.equal(await redis.inspector.get(key), '3')
      assert.equal((await logIn()).status, 429)
      await redis.inspector.del(key)
    })
  }
}

test('entries of another program in the stream and on the channel are left out, with one line for all', async (t) => {
  t.after(() => redis.inspector.del('events'))
  for (let entry = 0; entry < 50; entry++) await redis.inspector.xAdd('events', '*', { order: `${entry}` })
  const { url, node } = await program(t)
  for (let message = 0; message < 50; message++) await redis.inspector.publish('events', `message ${message}`)
  const page = await listenTo(url)
  await logInAsAda(url)
  await page.message(telling('node_up', { node: 'app-1' }))
  const warnings = node.lines.filter(isOfLevel('warn'))
  assert.equal(warnings.length, 1)
  assert.match(JSON.stringify(warnings), /events.*KEY_PREFIX/)
  page.close()
})

test('where another program has keys named nodes and events, each is named in one line, left alone, and sessions go on', async (t) => {
  await redis.inspector.del(['nodes', 'events'])
  await redis.inspector.set('nodes', 'of another program')
  await redis.inspector.set('events', 'of another program')
  t.after(() => redis.inspector.del(['nodes', 'events']))
  const { url, node } = await program(t)
  const page = await listenTo(url)
  const cookie = cookieOf(await logInAsAda(url))
  assert.equal((await getUser(url, cookie)).status, 200)
  assert.equal((await fetch(`${url}/readyz`)).status, 200)
  const answer = await fetch(`${url}/api/cluster`)
  assert.equal(answer.status, 503)
  assert.match(JSON.parse(await answer.text()).detail, /"nodes".*KEY_PREFIX/)

  // By now each has been tried several times.
  const earlier = await redis.calls()
  await until('it goes on trying', async () => ((await redis.calls()).hset ?? 0) >= (earlier.hset ?? 0) + 5)
  const complaints = node.lines.filter((line) => line.level === 'error' && line.path === undefined)
  const named = complaints.map(({ msg }) => /"(nodes|events)"/.exec(String(msg))?.[1])
  assert.deepEqual(named.sort(), ['events', 'nodes'])
  for (const { msg } of complaints) assert.match(String(msg), /KEY_PREFIX/)
  assert.deepEqual(node.lines.filter(isOfLevel('warn')), [])
  assert.equal(await redis.inspector.get('nodes'), 'of another program')
  assert.equal(await redis.inspector.get('events'), 'of another program')
  assert.ok(!page.messages.some(telling('redis_lost')), 'Redis is not lost')
  page.close()

  await redis.inspector.del(['nodes', 'events'])
  await until('the node is listed', async () => (await fetch(`${url}/api/cluster`)).status === 200)
  await until('events are kept', async () => {
    await logInAsAda(url)
    return (await redis.inspector.xLen('events')) > 0
  })
})
