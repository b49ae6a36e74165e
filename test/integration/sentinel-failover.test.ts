import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'app/logger'
import type { Sentinels } from 'app/redis/create-client'
import { RedisUnavailable } from 'app/redis/errors'
import { watchSentinels } from 'app/redis/watch-sentinels'
import { acceptedAgain } from '../support/accepted-again.ts'
import { read } from '../support/contract/answers.ts'
import { cookieOf, getUser, logIn, logOut, send } from '../support/http.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { runNode } from '../support/program.ts'
import { type RedisWithSentinels, startRedisWithSentinels } from '../support/redis-sentinels.ts'
import { startTcpSwitch } from '../support/tcp-switch.ts'
import { connectTo, environmentOf, newAccount, quiet, startTestNode } from '../support/test-node.ts'
import { until } from '../support/until.ts'

async function startStack(t: TestContext, redis: RedisWithSentinels, deadlineMs = 1_000, maxFailures = 100_000) {
  const { account, password } = await newAccount('ann')
  const node = await startTestNode(redis.address, {
    name: 'left',
    accounts: [account],
    deadlineMs,
    throttle: { maxFailures },
  })
  t.after(() => node.stop())
  return { ...node, logIn: () => logIn(node.url, { username: 'ann', password }) }
}

async function startRedis(t: TestContext, options = {}): Promise<RedisWithSentinels> {
  const redis = await startRedisWithSentinels(options)
  t.after(() => redis.stop())
  return redis
}

interface Watching {
  onChange?: (change: string, address?: string) => void
  log?: Pick<Logger, 'error'>
}

/** Listens to the sentinel at this port only. Returns a function that ends the listening. */
function watchAt(port: number, sentinels: Sentinels, { onChange = () => {}, log = quiet }: Watching = {}) {
  const addresses = [{ host: '127.0.0.1', port }]
  return watchSentinels({ url: '', deadlineMs: 10_000, sentinels: { ...sentinels, addresses } }, onChange, log)
}

test('a killed primary is replaced: sessions, logouts and rotations that were acknowledged remain, and nobody gets a 401', async (t) => {
  const redis = await startRedis(t)
  const node = await startStack(t, redis)
  const [kept, ended] = [cookieOf(await node.logIn()), cookieOf(await node.logIn())]
  assert.equal((await logOut(node.url, ended)).status, 204)

  const old = await redis.primary()
  await old.crash()
  await acceptedAgain(node.url, kept)
  assert.equal((await getUser(node.url, ended)).status, 401)
  await until('a login succeeds', async () => (await node.logIn()).status === 200)
  assert.notEqual((await redis.primary()).port, old.port)

  await old.start()
  assert.equal((await getUser(node.url, kept)).status, 200, 'the old primary comes back and is not used')
})

test('a primary that the sentinels replace while it is paused is not used when it continues', async (t) => {
  const redis = await startRedis(t)
  const node = await startStack(t, redis, 300)
  const cookie = cookieOf(await node.logIn())
  const old = await redis.primary()
  old.pause()
  await until('the session is accepted again', async () => (await getUser(node.url, cookie)).status === 200)
  // It is 503 until the other replica follows the new primary, and can confirm it.
  await until('the logout is confirmed', async () => (await logOut(node.url, cookie)).status === 204)
  old.resume()
  for (let look = 0; look < 20; look++) assert.equal((await getUser(node.url, cookie)).status, 401)
})

test('a primary that the sentinels replace while it still runs: no write that was acknowledged is lost', async (t) => {
  const redis = await startRedis(t)
  const connection = await connectTo(redis.address, { deadlineMs: 1_000 })
  t.after(connection.close)
  for (const one of redis.sentinels)
    await until('the node listens to the sentinel', async () => (await one.channels()) === 2)
  const old = await redis.primary()
  const acknowledged: string[] = []
  let isOver = false
  const writer = async (name: string) => {
    for (let count = 0; !isOver; count++) {
      const key = `${name}-${count}`
      const write = connection.write(key, (client) => client.set(key, 'x'))
      if (await write.then(Boolean, () => setTimeout(5, false))) acknowledged.push(key)
    }
  }
  const writers = ['a', 'b', 'c'].map(writer)
  await until('writes are acknowledged', () => acknowledged.length > 100)
  await redis.sentinels[0]?.failOver()
  await until('there is another primary', async () => (await redis.primary()).port !== old.port)
  const before = acknowledged.length
  await until('writes are acknowledged again', () => acknowledged.length > before + 100)
  isOver = true
  await Promise.all(writers)
  const { inspector } = await redis.primary()
  const kept = new Set(await inspector.keys('*'))
  assert.deepEqual(
    acknowledged.filter((key) => !kept.has(key)),
    [],
  )
})

test('READONLY from a primary that was demoted replaces the connection, by the address that the sentinels name', async (t) => {
  const redis = await startRedis(t)
  const connection = await connectTo(redis.address, { deadlineMs: 1_000 })
  t.after(connection.close)
  const old = await redis.primary()
  await redis.servers[1]?.inspector.sendCommand(['REPLICAOF', 'NO', 'ONE'])
  await old.inspector.sendCommand(['REPLICAOF', '127.0.0.1', '1'])
  await assert.rejects(
    connection.run('any', (client) => client.set('any', 'x')),
    RedisUnavailable,
  )
  assert.match((await connection.whyNotReady()) ?? '', /no connection to Redis/)
})

test('without a replica that confirms it, a login is 503 and nothing of it is visible afterwards', async (t) => {
  const redis = await startRedis(t, { downAfterMs: 60_000, server: [] })
  const node = await startStack(t, redis)
  const [primary, ...replicas] = redis.servers
  for (const replica of replicas) replica.pause()
  const answer = await node.logIn()
  assert.equal(answer.status, 503)
  assert.deepEqual(answer.headers.getSetCookie(), [])
  assert.match(answer.headers.get('Retry-After') ?? '', /^\d+$/)
  for (const replica of replicas) replica.resume()
  const cookie = await until('a login succeeds', async () => {
    const later = await node.logIn()
    return later.status === 200 ? cookieOf(later) : ''
  })
  assert.equal((await primary?.inspector.keys('session:*'))?.length, 1)
  const { sessions } = await read(await send(node.url, '/api/sessions', { cookie }))
  assert.equal(sessions.length, 1)
})

test('logins that failed for want of a replica do not count as guesses: afterwards the next login succeeds', async (t) => {
  const redis = await startRedis(t, { downAfterMs: 60_000, server: [] })
  const MAX_FAILURES = 3
  const node = await startStack(t, redis, 1_000, MAX_FAILURES)
  const [primary, ...replicas] = redis.servers
  for (const replica of replicas) replica.pause()
  for (let login = 0; login < 2 * MAX_FAILURES; login++) assert.equal((await node.logIn()).status, 503)
  const [key = ''] = (await primary?.inspector.keys('login-counts:*')) ?? []
  assert.equal(await primary?.inspector.exists(key), 0, 'a check is still under way')
  for (const replica of replicas) replica.resume()
  await until('a login succeeds', async () => (await node.logIn()).status === 200)
})

test('without a replica that confirms it, a logout is 503 and keeps the cookie; it is done when a replica knows it', async (t) => {
  const redis = await startRedis(t, { downAfterMs: 60_000, server: [] })
  const node = await startStack(t, redis)
  const cookie = cookieOf(await node.logIn())
  const replicas = redis.servers.slice(1)
  for (const replica of replicas) replica.pause()
  for (let attempt = 0; attempt < 2; attempt++) {
    // The second one finds no session on the primary. That is not enough either: a replica would still have it.
    const answer = await logOut(node.url, cookie)
    assert.equal(answer.status, 503, `attempt ${attempt}`)
    assert.deepEqual(answer.headers.getSetCookie(), [])
  }
  for (const replica of replicas) replica.resume()
  await until('the logout succeeds', async () => (await logOut(node.url, cookie)).status === 204)
  for (const { inspector } of replicas)
    await until('no replica has it', async () => (await inspector.exists(`session:${cookie.slice(4)}`)) === 0)
})

test('without a replica that confirms it, a revocation is 503, and it is done when a replica knows it', async (t) => {
  const redis = await startRedis(t, { downAfterMs: 60_000, server: [] })
  const node = await startStack(t, redis)
  const [first, second] = [cookieOf(await node.logIn()), cookieOf(await node.logIn())]
  const replicas = redis.servers.slice(1)
  for (const replica of replicas) replica.pause()
  const revoke = () => send(node.url, '/api/sessions', { method: 'DELETE', cookie: second })
  assert.equal((await revoke()).status, 503)
  // A list in between must not forget it.
  assert.equal((await send(node.url, '/api/sessions', { cookie: second })).status, 200)
  assert.equal((await revoke()).status, 503, 'the primary has no other session now, and the replicas do')
  for (const replica of replicas) replica.resume()
  await until('the revocation succeeds', async () => (await revoke()).status === 204)
  for (const { inspector } of replicas) assert.equal(await inspector.exists(`session:${first.slice(4)}`), 0)
})

test('without a replica that confirms it, no client gets a new token, and the old one still works', async (t) => {
  const redis = await startRedis(t, { downAfterMs: 60_000, server: [] })
  const { account, password } = await newAccount('ann')
  const session = { rotateSeconds: 1, renewSeconds: 0 }
  const node = await startTestNode(redis.address, { name: 'left', accounts: [account], session, deadlineMs: 1_000 })
  t.after(() => node.stop())
  const cookie = cookieOf(await logIn(node.url, { username: 'ann', password }))
  const replicas = redis.servers.slice(1)
  for (const replica of replicas) replica.pause()
  const from = Date.now()
  await until('the token has been due for three seconds', async () => {
    const answer = await getUser(node.url, cookie)
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.headers.getSetCookie(), [])
    return Date.now() - from > 4_000
  })
  for (const replica of replicas) replica.resume()
  const next = await until('the token is replaced', async () => {
    const answer = await getUser(node.url, cookie)
    assert.equal(answer.status, 200)
    return answer.headers.getSetCookie().length > 0 ? cookieOf(answer) : ''
  })
  for (const { inspector } of replicas) assert.equal(await inspector.exists(`session:${next.slice(4)}`), 1)
  assert.equal((await getUser(node.url, next)).status, 200)
})

test('a primary that has lost its replicas (NOREPLICAS) counts as no Redis, so it honours nothing that was revoked elsewhere', async (t) => {
  const redis = await startRedis(t, { downAfterMs: 60_000 })
  const node = await startStack(t, redis)
  const cookie = cookieOf(await node.logIn())
  const [primary] = redis.servers
  // As if no replica had been heard for so long that Redis does not count it.
  await primary?.inspector.configSet('min-replicas-to-write', '3')
  await until('the node does not read from it', async () => (await getUser(node.url, cookie)).status === 503)
  for (let look = 0; look < 40; look++) assert.equal((await getUser(node.url, cookie)).status, 503)
  const readiness = await send(node.url, '/readyz')
  assert.equal(readiness.status, 503)
  assert.match((await read(readiness)).detail, /NOREPLICAS/)
  await primary?.inspector.configSet('min-replicas-to-write', '1')
  await until('the session is accepted again', async () => (await getUser(node.url, cookie)).status === 200)
})

test('a node listens to a sentinel whose first connection broke before it had answered', async (t) => {
  const redis = await startRedis(t)
  const [sentinel] = redis.sentinels
  const { sentinels } = redis.address
  assert.ok(sentinel && sentinels)
  let connections = 0
  const server = createServer((near) => {
    near.on('error', () => {})
    if (connections++ === 0) return void near.once('data', () => near.destroy())
    const far = connect(sentinel.port, '127.0.0.1').on('error', () => {})
    near.pipe(far).pipe(near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  t.after(() => server.close())
  t.after(watchAt(port, sentinels))
  await until('it listens', async () => (await sentinel.channels()) === 2)
  // The one that broke, the one that listens, and the one that asks where the primary is.
  await until('it has asked', () => connections >= 3)
  assert.equal(connections, 3)
})

test('a node that has missed a failover finds the new primary when it reaches the sentinel again', async (t) => {
  const redis = await startRedis(t)
  const [sentinel] = redis.sentinels
  const { sentinels } = redis.address
  assert.ok(sentinel && sentinels)
  const line = await startTcpSwitch(sentinel.port)
  t.after(() => line.stop())
  const heard: (string | undefined)[] = []
  t.after(watchAt(line.port, sentinels, { onChange: (_change, address) => void heard.push(address) }))
  const addressOf = async () => `127.0.0.1:${(await redis.primary()).port}`
  const old = await addressOf()
  await until('it has asked', () => heard.includes(old))
  line.turnTo(await lastingPort())
  line.cut()
  await redis.sentinels[1]?.failOver()
  await until('there is another primary', async () => (await addressOf()) !== old)
  // Otherwise it hears of this failover twice: when it asks, and when the sentinel notices it.
  await until(
    'this sentinel knows it',
    async () => `127.0.0.1:${(await sentinel.named()).port}` === (await addressOf()),
  )
  const known = heard.length
  line.turnTo(sentinel.port)
  await until('it has asked again', async () => heard.slice(known).includes(await addressOf()))
  const asked = heard.length
  await until('the next failover begins', () =>
    sentinel.failOver().then(
      () => true,
      () => false,
    ),
  )
  // It starts to replace the primary, and has done so: each is reported once, also after a connection was replaced.
  await until('it has heard of the next failover', () => heard.slice(asked).some((address) => address !== undefined))
  assert.deepEqual(
    heard.slice(asked).map((address) => address !== undefined),
    [false, true],
  )
})

test('a node says once that it may not listen to a sentinel, and what its account needs', async (t) => {
  const redis = await startRedis(t)
  const [sentinel] = redis.sentinels
  const { sentinels } = redis.address
  assert.ok(sentinel && sentinels)
  await sentinel.limitTo('+ping +hello +subscribe +sentinel|get-master-addr-by-name +sentinel|master')
  const lines: string[] = []
  t.after(watchAt(sentinel.port, sentinels, { log: { error: (line: string) => void lines.push(line) } }))
  await until('it has said so', () => lines.length > 0)
  assert.match(lines[0] ?? '', /^Failed to listen to the sentinel 127\.0\.0\.1:\d+: NOPERM .*sentinel-users\.acl$/)
})

test('a node that may not ask the sentinels ends its start with what their account needs', async (t) => {
  const redis = await startRedis(t)
  for (const sentinel of redis.sentinels) await sentinel.limitTo('+ping +hello')
  const node = runNode('server', environmentOf(redis.address))
  assert.equal(await node.ended, 1)
  const [line] = (await node.allLines).filter(({ level }) => level === 'fatal')
  assert.match(
    String(line?.msg),
    /NOPERM.*Give the user of REDIS_SENTINEL_USERNAME the commands of deploy\/sentinel-users\.acl$/,
  )
})
