import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { connectRedis } from 'app/redis/connect'
import type { RedisConnection } from 'app/redis/connection'
import { RedisUnavailable } from 'app/redis/errors'
import { fingerprintOf } from 'app/sessions/session-token'
import fc from 'fast-check'
import { difference } from '../support/redis-calls.ts'
import type { TestRedis } from '../support/redis-server.ts'
import { aUser, keyOf, startTwoConnections, storeOn as store } from '../support/stores.ts'
import { quiet } from '../support/test-node.ts'
import { until } from '../support/until.ts'

let redis: TestRedis
let left: RedisConnection
let right: RedisConnection
let stop: () => Promise<void>

before(async () => {
  ;({ redis, left, right, stop } = await startTwoConnections())
})
after(() => stop())

test('a session set by one node is read completely by another', async () => {
  const { token, session } = await store(left, { node: 'app-1' }).setSession(aUser('traveller'))
  const found = await store(right, { node: 'app-2' }).getSession(token)
  const lasting = { expiresAt: undefined, lastSeenAt: undefined }
  assert.deepEqual({ ...found, ...lasting }, { ...session, ...lasting })
  assert.equal(found?.createdOn, 'app-1')
  assert.deepEqual(await store(right).getUserFromSession(token), aUser('traveller'))
})

test('the session is JSON under session:<token>, with a TTL of 3600 s', async () => {
  const { token } = await store(left).setSession(aUser('documented'))
  assert.match(token, /^[A-Za-z0-9_-]{43}$/)
  const record = JSON.parse((await redis.inspector.get(keyOf(token))) ?? '')
  assert.deepEqual(record.user, aUser('documented'))
  const ttl = await redis.inspector.ttl(keyOf(token))
  assert.ok(ttl > 3595 && ttl <= 3600, `TTL is ${ttl}`)
})

test('the data sent to clients contains neither the token nor a part of it', async () => {
  const { token, session } = await store(left).setSession(aUser('secretive'))
  assert.equal(session.id, fingerprintOf(token))
  assert.ok(!JSON.stringify(session).includes(token.slice(0, 8)))
})

test('a read sends Redis exactly one GET', async () => {
  const sessions = store(left)
  const { token } = await sessions.setSession(aUser('reader'))
  const earlier = await redis.calls()
  for (let read = 0; read < 20; read++) assert.ok(await sessions.getSession(token))
  assert.deepEqual(difference(earlier, await redis.calls()), { get: 20 })
})

test('each node renews a session in use only once per renewal interval', async () => {
  const { token } = await store(left).setSession(aUser('busy'))
  await redis.inspector.expire(keyOf(token), 100)
  const otherNode = store(right)
  const earlier = await redis.calls()
  await otherNode.getSession(token)
  assert.ok((await redis.inspector.ttl(keyOf(token))) > 3595)
  for (let read = 0; read < 20; read++) await otherNode.getSession(token)
  assert.equal(difference(earlier, await redis.calls()).pexpireat, 1)
})

test('a node does not renew a session that another node has just renewed', async () => {
  const { token } = await store(left).setSession(aUser('shared'))
  await redis.inspector.expire(keyOf(token), 100)
  assert.ok(await store(left).getSession(token))
  const earlier = await redis.calls()
  for (const node of [store(left), store(right), store(right)]) assert.ok(await node.getSession(token))
  assert.equal(difference(earlier, await redis.calls()).pexpireat, undefined)
})

test('the reported expiry is never later than the real one', async () => {
  const { token, session } = await store(left).setSession(aUser('planner'))
  const found = await store(right).getSession(token)
  const real = await redis.inspector.pExpireTime(keyOf(token))
  assert.ok(Date.parse(session.expiresAt) <= real)
  assert.equal(Date.parse(found?.expiresAt ?? ''), real)
})

test('a used session outlives its idle timeout; an unused one expires', async () => {
  const options = { ttlSeconds: 3, renewSeconds: 0 }
  const sessions = store(left, options)
  const { token: used } = await sessions.setSession(aUser('awake'))
  const { token: idle } = await sessions.setSession(aUser('asleep'))
  await until('the idle session is expired', async () => {
    assert.ok(await sessions.getSession(used), 'the used session is alive')
    return (await redis.inspector.exists(keyOf(idle))) === 0
  })
  assert.ok(await sessions.getSession(used))
  assert.equal(await sessions.getSession(idle), undefined)
})

test('no use extends a session past its absolute timeout', async () => {
  const sessions = store(left, { ttlSeconds: 10, absoluteSeconds: 1, renewSeconds: 0 })
  const { token, session } = await sessions.setSession(aUser('endless'))
  const end = Date.parse(session.absoluteExpiresAt)
  assert.equal(end - Date.parse(session.createdAt), 1_000)
  assert.ok((await redis.inspector.pExpireTime(keyOf(token))) <= end, 'also before the first use')
  await until('the session is expired although it is in use', async () => {
    const found = await sessions.getSession(token)
    if (found) assert.ok(Date.parse(found.expiresAt) <= end, 'the TTL reaches past the absolute end')
    return !found
  })
})

test('a renewal rejected by Redis does not fail the read', async () => {
  await redis.inspector.sendCommand(['ACL', 'SETUSER', 'readonly', 'on', '>pw', '~*', '+@all', '-pexpireat'])
  const url = redis.url.replace('redis://', 'redis://readonly:pw@')
  const connection = await connectRedis({ url, deadlineMs: 500 }, quiet)
  try {
    const { token } = await store(left).setSession(aUser('patient'))
    const found = await store(connection).getSession(token)
    assert.equal(found?.user.username, 'patient')
    assert.ok(Date.parse(found?.expiresAt ?? '') <= (await redis.inspector.pExpireTime(keyOf(token))))
  } finally {
    await connection.close()
  }
})

test('an unconfirmed login changes nothing: it ends neither the session of its request nor the oldest one', async () => {
  const sessions = store(left, { maxPerUser: 2 })
  const brought = (await sessions.setSession(aUser('somebody-else'))).token
  const own = [await sessions.setSession(aUser('unconfirmed')), await sessions.setSession(aUser('unconfirmed'))]
  const confirm = () => Promise.reject(new Error('disabled meanwhile'))
  await assert.rejects(sessions.setSession(aUser('unconfirmed'), { replaces: brought, confirm }), /disabled meanwhile/)
  for (const token of [brought, ...own.map((one) => one.token)]) assert.ok(await sessions.getSession(token))
  assert.equal(await redis.inspector.zCard('user-sessions:unconfirmed'), 2)
})

test('a login above the limit keeps its own session, also when those of earlier logins end later', async () => {
  const earlier = store(left, { absoluteSeconds: 43_200 })
  const old = [await earlier.setSession(aUser('limited')), await earlier.setSession(aUser('limited'))]
  const { token, ended } = await store(left, { absoluteSeconds: 7_200, maxPerUser: 2 }).setSession(aUser('limited'))
  assert.ok(await store(left).getSession(token))
  assert.equal(ended.length, 0)
  for (const one of old)
    assert.ok(await store(left).getSession(one.token), 'the newest of the others are within the limit')
})

test('a login that cannot end the sessions above the limit leaves its user a session, the earlier one or the new one', async () => {
  const user = aUser('crowded')
  const first = await store(left).setSession(user)
  const second = await store(left).setSession(user)
  const run: RedisConnection['run'] = (key, send) =>
    key === 'user-sessions:crowded' ? Promise.reject(new RedisUnavailable('the list is away')) : left.run(key, send)
  const broken = store({ ...left, run }, { maxPerUser: 1 })
  await assert.rejects(broken.setSession(user), RedisUnavailable)
  assert.ok(await store(right).getSession(second.token))
  const { token } = await broken.setSession(user, { replaces: second.token })
  assert.equal((await store(right).getSession(token))?.user.username, 'crowded')
  assert.equal(await store(right).getSession(second.token), undefined)
  assert.ok(await store(right).getSession(first.token), 'the next login ends it')
  await store(left, { maxPerUser: 1 }).setSession(user)
  assert.equal(await store(right).getSession(first.token), undefined)
})

test('every node rejects a deleted session immediately, and only one of two logouts finds it', async () => {
  const [here, there] = [store(left), store(right)]
  const { token, session } = await here.setSession(aUser('leaver'))
  assert.ok(await there.getSession(token))
  const results = await Promise.all([here.deleteSession(token), there.deleteSession(token)])
  assert.deepEqual(results.filter(Boolean), [{ id: session.id, username: 'leaver' }])
  assert.equal(await here.getSession(token), undefined)
  assert.equal(await there.getSession(token), undefined)
  assert.equal(await redis.inspector.zScore('user-sessions:leaver', token), null)
})

test('a logout concurrent with reads and renewals is final', async () => {
  const here = store(left, { renewSeconds: 0 })
  const there = store(right, { renewSeconds: 0 })
  for (let race = 0; race < 200; race++) {
    const { token } = await here.setSession(aUser('racer'))
    await Promise.all([
      there.getSession(token),
      here.getSession(token),
      here.deleteSession(token),
      there.getSession(token),
    ])
    assert.equal(await redis.inspector.exists(keyOf(token)), 0)
  }
})

test('a malformed token is rejected without a Redis command', async () => {
  const sessions = store(left)
  const noToken = fc.string().filter((text) => !/^[A-Za-z0-9_-]{43}$/.test(text))
  const earlier = await redis.calls()
  await fc.assert(
    fc.asyncProperty(noToken, async (text) => {
      assert.equal(await sessions.getSession(text), undefined)
      assert.equal(await sessions.deleteSession(text), undefined)
    }),
  )
  assert.equal(await sessions.getUserFromSession(undefined), undefined)
  assert.deepEqual(difference(earlier, await redis.calls()), {})
})

test('an invalid value under a session key is no session', async () => {
  const sessions = store(left)
  const withoutUser = {
    createdOn: 'app-1',
    createdAt: new Date().toISOString(),
    absoluteSeconds: 60,
    address: '',
    agent: '',
  }
  const withoutDate = { ...withoutUser, user: { username: 'ada', displayName: 'Ada' }, absoluteSeconds: 1e15 }
  const objects = [withoutUser, withoutDate].map((value) => JSON.stringify(value))
  for (const [index, value] of ['', 'null', '[]', '{"user":"ada"}', '{broken', ...objects].entries()) {
    const token = String(index).repeat(43)
    await redis.inspector.set(keyOf(token), value)
    assert.equal(await sessions.getSession(token), undefined)
    assert.equal(await sessions.rotateSession(token), undefined)
    assert.equal(await sessions.deleteSession(token), undefined)
  }
})

test("a user's sessions are listed newest first, without ended ones", async () => {
  const sessions = store(left, { absoluteSeconds: 30 })
  const tokens: string[] = []
  for (let login = 0; login < 3; login++) {
    const { token, session } = await sessions.setSession(aUser('collector'))
    tokens.push(token)
    await until('the next login is later', () => Date.now() > Date.parse(session.createdAt) + 1)
  }
  const [first = '', second = '', third = ''] = tokens
  await redis.inspector.del(keyOf(second))
  const listed = await sessions.listSessions('collector')
  assert.deepEqual(
    listed.map(({ id }) => id),
    [fingerprintOf(third), fingerprintOf(first)],
  )
})

test('listing sessions removes index entries of ended ones', async () => {
  const sessions = store(left)
  const { token } = await sessions.setSession(aUser('keeper'))
  await redis.inspector.zAdd('user-sessions:keeper', { score: Date.now() + 3_600_000, value: 'a'.repeat(43) })
  assert.equal((await sessions.listSessions('keeper')).length, 1)
  assert.deepEqual(await redis.inspector.zRange('user-sessions:keeper', 0, -1), [token])
})

test('a login drops index entries of expired sessions', async () => {
  await redis.inspector.zAdd('user-sessions:returner', { score: Date.now() - 60_000, value: 'a'.repeat(43) })
  const { token } = await store(left).setSession(aUser('returner'))
  assert.deepEqual(await redis.inspector.zRange('user-sessions:returner', 0, -1), [token])
})

test('the index expires with the last of its sessions, also if an older one gets a new token', async () => {
  const sessions = store(left)
  const { token } = await sessions.setSession(aUser('veteran'))
  await redis.inspector.pExpireAt('user-sessions:veteran', Date.now() + 1_000)
  await sessions.rotateSession(token)
  assert.ok((await redis.inspector.ttl('user-sessions:veteran')) > 43_100)
})

test('only its own user can revoke a session by its id', async () => {
  const sessions = store(left)
  const { token, session } = await sessions.setSession(aUser('owner'))
  assert.equal(await sessions.revokeSession('somebody-else', session.id), undefined)
  assert.ok(await sessions.getSession(token))
  assert.deepEqual(await sessions.revokeSession('owner', session.id), { id: session.id, username: 'owner' })
  assert.equal(await store(right).getSession(token), undefined)
  assert.equal(await sessions.revokeSession('owner', session.id), undefined)
})

test('a full Redis rejects new sessions; existing ones work and can be ended', async () => {
  const sessions = store(left, { renewSeconds: 0 })
  const { token } = await sessions.setSession(aUser('early'))
  await redis.inspector.configSet('maxmemory', '1')
  try {
    await assert.rejects(sessions.setSession(aUser('late')), RedisUnavailable)
    assert.ok(await sessions.getSession(token))
    assert.ok(await sessions.deleteSession(token))
  } finally {
    await redis.inspector.configSet('maxmemory', '0')
  }
})

/** The calls since then, without the commands of the test itself. */

test('a login that cannot end the earlier session is taken back, and the earlier session remains', async () => {
  const { token: earlier } = await store(left).setSession(aUser('half-way'))
  const failing: RedisConnection = {
    ...left,
    write: (key, send) =>
      key === keyOf(earlier) ? Promise.reject(new RedisUnavailable('cut off')) : left.write(key, send),
  }
  await assert.rejects(store(failing).setSession(aUser('half-way'), { replaces: earlier }), /cut off/)
  const [only, ...others] = await store(right).listSessions('half-way')
  assert.equal(only?.id, fingerprintOf(earlier))
  assert.deepEqual(others, [])
})
