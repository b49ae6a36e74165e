import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { slotOf } from 'app/redis/cluster/key-slot'
import { RedisDisconnected, RedisUnavailable } from 'app/redis/errors'
import { type Attempt, createLoginThrottle } from 'app/users/login-throttle'
import { acceptedAgain } from '../support/accepted-again.ts'
import { read } from '../support/contract/answers.ts'
import { cookieOf, getUser, logIn, logOut, send } from '../support/http.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { runNode } from '../support/program.ts'
import { type ClusterOptions, startRedisCluster, type TestCluster } from '../support/redis-cluster.ts'
import { startTestRedis } from '../support/redis-server.ts'
import type { TestServer } from '../support/redis-single.ts'
import { within } from '../support/stopwatch.ts'
import { aUser, keyOf, storeOn } from '../support/stores.ts'
import { connectTo, environmentOf, newAccount, PATIENT, startTestNode } from '../support/test-node.ts'
import { until } from '../support/until.ts'

async function startCluster(t: TestContext, options: ClusterOptions = {}): Promise<TestCluster> {
  const redis = await startRedisCluster(options)
  t.after(() => redis.stop())
  return redis
}

async function startNode(t: TestContext, redis: TestCluster) {
  const { account, password } = await newAccount('ann')
  const node = await startTestNode(redis.address, { name: 'left', accounts: [account], deadlineMs: 1_000 })
  t.after(() => node.stop())
  const logInOnce = () => logIn(node.url, { username: 'ann', password })
  return {
    ...node,
    logIn: logInOnce,
    /** On a slow machine, a node may reject a login that waits for its password check. */
    logInSurely: async () =>
      cookieOf(
        await until('a login succeeds', async () => {
          const answer = await logInOnce()
          return answer.status === 200 ? answer : undefined
        }),
      ),
  }
}

const anotherThan = (redis: TestCluster, owner: TestServer): TestServer => {
  const other = redis.servers.find((one) => one !== owner)
  assert.ok(other)
  return other
}

test('the slot of a key is the one that Redis computes, with and without a hash tag', async (t) => {
  const redis = await startCluster(t)
  const [first] = redis.servers
  const keys = ['', '{}', '{}x', 'a{b}c', '{b}', 'a{{b}}c', 'a{b}{c}', '{a', 'a}b{c}', 'ü{é}', 'user-sessions:ada']
  for (let index = 0; index < 200; index++) keys.push(randomBytes(9).toString('latin1'), `session:${index}`)
  for (const key of keys) assert.equal(slotOf(key), await first?.inspector.clusterKeySlot(key), JSON.stringify(key))
})

test('commands follow a slot that has moved (MOVED), and keys of a slot that is moving (ASK)', async (t) => {
  const redis = await startCluster(t)
  const connection = await connectTo(redis.address, { deadlineMs: 2_000 })
  t.after(connection.close)
  const store = storeOn(connection, { renewSeconds: 0 })
  const { token } = await store.setSession(aUser('mover'))
  const key = keyOf(token)
  const from = await redis.ownerOf(key)
  const to = anotherThan(redis, from)

  await redis.beginToMove(key, to)
  assert.equal((await store.getSession(token))?.user.username, 'mover', 'the key is at its new server')
  const next = (await store.rotateSession(token))?.token
  assert.ok(next)
  assert.ok(await to.inspector.sendCommand(['CLUSTER', 'COUNTKEYSINSLOT', `${slotOf(key)}`]))
  assert.ok(await store.getSession(token))

  await redis.moveSlotOf(key, to)
  assert.equal((await redis.ownerOf(key)).port, to.port)
  assert.ok(await store.getSession(token))
  assert.deepEqual((await store.deleteSession(token))?.username, 'mover')
  assert.equal(await store.getSession(next), undefined)
})

test('logins, reads, rotations and logouts succeed while their slots move, and each logout is final', async (t) => {
  const redis = await startCluster(t)
  const connection = await connectTo(redis.address, { deadlineMs: 10_000 })
  t.after(connection.close)
  // The store, and not logins over HTTP: on a slow machine a node rejects those that wait for their password checks.
  const store = storeOn(connection, { renewSeconds: 0, maxPerUser: 1_000 })
  let isOver = false
  let visits = 0
  async function visit(): Promise<void> {
    while (!isOver) {
      const { token, session } = await store.setSession(aUser('mover'))
      assert.equal((await store.getSession(token))?.id, session.id)
      const next = (await store.rotateSession(token))?.token
      assert.equal((await store.getSession(next))?.id, session.id)
      assert.equal((await store.deleteSession(next))?.id, session.id)
      for (const ended of [token, next]) assert.equal(await store.getSession(ended), undefined)
      visits++
    }
  }
  const visiting = Promise.all([visit(), visit(), visit()])
  // A rejection is reported below, also if it comes earlier.
  visiting.catch(() => {})
  const { token } = await store.setSession(aUser('mover'))
  for (let round = 0; round < 6; round++)
    for (const key of ['user-sessions:mover', keyOf(token)])
      await redis.moveSlotOf(key, anotherThan(redis, await redis.ownerOf(key)))
  await until('there were visits meanwhile', () => visits > 10)
  isOver = true
  await visiting
  assert.equal((await store.listSessions('mover')).length, 1)
})

test('events reach the pages after the slot of their channel has moved', async (t) => {
  const redis = await startCluster(t)
  const connection = await connectTo(redis.address, { deadlineMs: 2_000 })
  t.after(connection.close)
  const messages: string[] = []
  const nothing = () => {}
  const subscriber = { onSubscribing: nothing, onSubscribed: nothing, onMessage: (text: string) => messages.push(text) }
  await connection.subscribe('news', { ...subscriber, onMessage: (text) => void messages.push(text) })
  const publish = (text: string) => connection.run('news', (client) => client.publish('news', text))
  await publish('one')
  await redis.moveSlotOf('news', anotherThan(redis, await redis.ownerOf('news')))
  await publish('two')
  await until('both have arrived', () => messages.includes('two'))
  assert.deepEqual(messages, ['one', 'two'])
})

test('a server that is added and gets a slot is used, with the functions', async (t) => {
  const redis = await startCluster(t)
  const connection = await connectTo(redis.address, { deadlineMs: 2_000 })
  t.after(connection.close)
  const store = storeOn(connection)
  const { token } = await store.setSession(aUser('early'))
  const added = await redis.addServer()
  await redis.moveSlotOf(keyOf(token), added)
  assert.equal((await store.getSession(token))?.user.username, 'early')
  assert.equal((await redis.ownerOf(keyOf(token))).port, added.port)
  assert.equal(await connection.whyNotReady(), undefined)
})

test('a call that is redirected to a server that does not answer fails at its deadline', async (t) => {
  const redis = await startCluster(t)
  const connection = await connectTo(redis.address, { deadlineMs: 500 })
  t.after(connection.close)
  const key = keyOf('moved')
  const added = await redis.addServer()
  await redis.moveSlotOf(key, added)
  added.pause()
  t.after(() => added.resume())
  // The attempt to connect takes longer, and would give another reason.
  const isLate = (error: unknown) => error instanceof RedisDisconnected && /was not reached in time/.test(error.message)
  await within(1_200, 'a redirected call', () =>
    assert.rejects(
      connection.run(key, (client) => client.get(key)),
      isLate,
    ),
  )
})

test('a killed primary is replaced by its replica: sessions and logouts that were acknowledged remain', async (t) => {
  const redis = await startCluster(t, { replicas: 1, nodeTimeoutMs: 1_000 })
  const node = await startNode(t, redis)
  const cookies = await Promise.all(Array.from({ length: 9 }, node.logInSurely))
  const [kept = '', ended = ''] = cookies
  assert.equal((await logOut(node.url, ended)).status, 204)
  const owner = await redis.ownerOf(keyOf(kept.slice(4)))
  await owner.crash()
  await acceptedAgain(node.url, kept)
  assert.equal((await getUser(node.url, ended)).status, 401)
  for (const cookie of cookies.slice(2)) assert.equal((await getUser(node.url, cookie)).status, 200)
  // Until the old primary is back, the new one has no replica that could confirm a login.
  await owner.start()
  await node.logInSurely()
  await until('the node is ready', async () => (await send(node.url, '/readyz')).status === 200)
})

test('while one primary is paused, sessions on the others are served, and calls to it do not accumulate', async (t) => {
  const redis = await startCluster(t, { nodeTimeoutMs: 60_000 })
  const connection = await connectTo(redis.address, { deadlineMs: 1_000 })
  t.after(connection.close)
  await until('all primaries are connected', async () => (await connection.whyNotReady()) === undefined)
  const [paused, ...others] = redis.servers
  assert.ok(paused && others.length === 2)
  const keys = Array.from({ length: 40 }, (_, index) => `key-${index}`)
  const owners = await Promise.all(keys.map((key) => redis.ownerOf(key)))
  const get = (key: string) => connection.get(key)
  const isServed = (some: readonly string[]) =>
    Promise.all(some.map(get)).then(
      () => true,
      () => false,
    )
  paused.pause()
  try {
    const own = keys.filter((_key, place) => owners[place] === paused)
    await Promise.all(own.map((key) => assert.rejects(get(key), RedisUnavailable)))
    // Without a connection no command is sent, so none waits.
    const isDisconnected = (key: string) =>
      get(key).then(
        () => false,
        (error) => error instanceof RedisDisconnected,
      )
    await until('calls to it fail at once', async () => (await Promise.all(own.map(isDisconnected))).every(Boolean))
    await until('the others are served', () => isServed(keys.filter((key) => !own.includes(key))))
  } finally {
    paused.resume()
  }
  await until('all are served', () => isServed(keys))
})

test('a login that could write its session and not the index leaves no session', async (t) => {
  const redis = await startCluster(t)
  const connection = await connectTo(redis.address, { deadlineMs: 2_000 })
  t.after(connection.close)
  const ofIndex = await redis.ownerOf('user-sessions:ann')
  await ofIndex.crash()
  const others = redis.servers.filter((one) => one !== ofIndex)
  for (let login = 0; login < 10; login++)
    await assert.rejects(storeOn(connection).setSession(aUser('ann')), RedisUnavailable)
  for (const { inspector } of others) assert.deepEqual(await inspector.keys('session:*'), [])
})

test('a check whose counts are on two servers, of which one is down, keeps no place at the other', async (t) => {
  const redis = await startCluster(t)
  const connection = await connectTo(redis.address, { deadlineMs: 2_000 })
  t.after(connection.close)
  const { begin } = createLoginThrottle(connection, { ...PATIENT, maxFailures: 1 })
  /** The servers that count logins of the address and of the account, by the keys that a login leaves. */
  async function ownersFor(attempt: Attempt): Promise<TestServer[]> {
    await redis.inspector.flushAll()
    await (await begin(attempt))?.succeeded()
    const keys = await redis.inspector.keys('login-counts*')
    assert.equal(keys.length, 2)
    return Promise.all(keys.sort().map(redis.ownerOf))
  }
  let attempt = { username: 'ann', address: '' }
  let ofAddress: TestServer | undefined
  for (let number = 1; ofAddress === undefined; number++) {
    attempt = { ...attempt, address: `192.0.2.${number}` }
    const [address, account] = await ownersFor(attempt)
    if (address !== account) ofAddress = address
  }
  await ofAddress.crash()
  // One check may begin at a time, so one that keeps its place would stop all others.
  for (let login = 0; login < 3; login++) await assert.rejects(begin(attempt), RedisUnavailable)
  await ofAddress.start()
  await until('a check begins', () => begin(attempt).catch(() => undefined))
})

test('a write that no replica of its primary has confirmed is 503', async (t) => {
  const redis = await startCluster(t, { replicas: 1, nodeTimeoutMs: 60_000 })
  const node = await startNode(t, redis)
  const cookie = await node.logInSurely()
  const key = keyOf(cookie.slice(4))
  const owner = await redis.ownerOf(key)
  const roles = await Promise.all(redis.servers.map(({ inspector }) => inspector.role()))
  const replicas = redis.servers.filter((_server, place) => roles[place]?.role === 'slave')
  assert.equal(replicas.length, 3)
  for (const replica of replicas) replica.pause()
  assert.equal((await logOut(node.url, cookie)).status, 503)
  assert.equal((await logOut(node.url, cookie)).status, 503, 'the primary has no session now, and its replica does')
  for (const replica of replicas) replica.resume()
  await until('the logout succeeds', async () => (await logOut(node.url, cookie)).status === 204)
  assert.equal(await owner.inspector.exists(key), 0)
  const { sessions } = await read(await send(node.url, '/api/sessions', { cookie: await node.logInSurely() }))
  assert.equal(sessions.length, 1)
})

for (const [what, settings, fault] of [
  ['a Redis that is not part of a cluster', async () => startTestRedis(), /not part of a cluster.*REDIS_URL/],
  ['an address without a server', async () => undefined, /ECONNREFUSED.*Check REDIS_CLUSTER/],
] as const) {
  test(`${what} in REDIS_CLUSTER ends the start with one line`, async (t) => {
    const redis = await settings()
    t.after(() => redis?.stop())
    const port = redis ? Number(new URL(redis.url).port) : await lastingPort()
    const node = runNode('server', environmentOf({ cluster: [{ host: '127.0.0.1', port }] }))
    assert.equal(await node.ended, 1)
    const lines = (await node.allLines).filter(({ level }) => level === 'fatal')
    assert.equal(lines.length, 1)
    assert.match(String(lines[0]?.msg), fault)
  })
}
