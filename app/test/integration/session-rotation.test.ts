import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { RedisConnection } from '../../src/redis/connection.ts'
import type { SessionOptions } from '../../src/sessions/session-store.ts'
import { createCommands } from '../lib/model-redis.ts'
import { difference, type TestRedis } from '../lib/redis-server.ts'
import { aUser, keyOf, startTwoConnections, storeOn } from '../lib/stores.ts'
import { standardOptions } from '../lib/test-node.ts'
import { until } from '../lib/until.ts'

let redis: TestRedis
let left: RedisConnection
let right: RedisConnection
let stop: () => Promise<void>

before(async () => {
  ;({ redis, left, right, stop } = await startTwoConnections({ deadlineMs: 10_000 }))
})
after(() => stop())

const sessionKeys = () => redis.inspector.keys('session:*')

/** Looks at every read whether a rotation is due: usually a node does so every few seconds. */
const store = (connection: RedisConnection, options: Partial<SessionOptions> = {}) =>
  storeOn(connection, { renewSeconds: 0, ...options })

for (const keyForm of ['plain', 'hashed'] as const) {
  test(`with ${keyForm} keys, a rotated session goes on under a new token, with the same id, times and user`, async () => {
    const sessions = store(left, { keyForm })
    const { token, session } = await sessions.setSession(aUser('turner'), { address: '192.0.2.1', agent: 'test' })
    const next = (await sessions.rotateSession(token))?.token ?? ''
    assert.match(next, /^[A-Za-z0-9_-]{43}$/)
    assert.notEqual(next, token)
    const found = await store(right, { keyForm }).getSession(next)
    for (const field of ['id', 'user', 'createdOn', 'createdAt', 'absoluteExpiresAt', 'address', 'agent'] as const) {
      assert.deepEqual(found?.[field], session[field])
    }
    assert.equal(found?.isRotationDue, false)
    const listed = await sessions.listSessions('turner')
    assert.deepEqual(
      listed.map(({ id }) => id),
      [session.id],
    )
    await sessions.deleteSession(next)
  })
}

const SHORT_GRACE = { rotateGraceSeconds: 1 }

/** By the clock of Redis, which is that of this machine. */
async function waitForGrace(): Promise<void> {
  const from = Date.now()
  await until('the grace is over', () => Date.now() - from > SHORT_GRACE.rotateGraceSeconds * 1000 + 50)
}

test('until the new token is used the old one leads to the session and to it; within the grace after that, too; then to nothing', async () => {
  const [here, there] = [store(left, SHORT_GRACE), store(right, SHORT_GRACE)]
  const { token, session } = await here.setSession(aUser('lingerer'))
  const next = (await here.rotateSession(token))?.token
  const assertOldWorks = async () => {
    const found = await there.getSession(token)
    assert.equal(found?.id, session.id)
    assert.equal(found?.isRotationDue, true, 'whoever comes with the old token is to be given the new one')
    assert.deepEqual(await there.rotateSession(token), { token: next, isFirst: false })
    assert.equal((await here.peekSession(token))?.id, session.id)
  }
  await assertOldWorks()
  await waitForGrace()
  await assertOldWorks()
  assert.equal((await here.getSession(next))?.id, session.id)
  await assertOldWorks()
  await waitForGrace()
  for (const sessions of [here, there]) {
    assert.equal(await sessions.getSession(token), undefined)
    assert.equal(await sessions.peekSession(token), undefined)
    assert.equal(await sessions.rotateSession(token), undefined)
  }
  assert.equal((await here.getSession(next))?.id, session.id, 'asking has ended nothing')
  await here.deleteSession(next)
})

test('a token that comes back ends the session, however often it was replaced since; any other token ends nothing', async () => {
  const [here, there] = [store(left, SHORT_GRACE), store(right, SHORT_GRACE)]
  const { token, session } = await here.setSession(aUser('returner'))
  const tokens = [token]
  for (let rotation = 0; rotation < 30; rotation++) {
    const next = (await there.rotateSession(tokens.at(-1) ?? ''))?.token ?? ''
    assert.ok(await there.getSession(next))
    tokens.push(next)
  }
  assert.equal(await here.endReused(tokens.at(-2)), undefined, 'within the grace')
  await waitForGrace()
  assert.equal(await here.endReused('a'.repeat(43)), undefined)
  assert.equal(await here.endReused('short'), undefined)
  assert.equal(await here.endReused(tokens.at(-1)), undefined)
  const ends = await Promise.all([here.endReused(token), there.endReused(token), here.endReused(token)])
  assert.deepEqual(
    ends.filter((ended) => ended !== undefined),
    [{ id: session.id, username: 'returner', isReuse: true }],
  )
  for (const one of tokens) assert.equal(await there.getSession(one), undefined)
  assert.deepEqual(await here.listSessions('returner'), [])
})

test('looking at a session with its new token is no use of it, so the old token still works', async () => {
  const sessions = store(left)
  const { token } = await sessions.setSession(aUser('looker'))
  const next = (await sessions.rotateSession(token))?.token
  assert.ok(await store(right).peekSession(next))
  assert.equal((await sessions.listSessions('looker')).length, 1)
  assert.doesNotMatch((await redis.inspector.get(keyOf(token))) ?? '', /retiredAt/)
  await sessions.deleteSession(token)
})

test('the first use of a token retires the one before it, on a node that has just given it and on any other', async () => {
  for (const second of [left, right]) {
    const first = storeOn(left, { renewSeconds: 3600 })
    const { token } = await first.setSession(aUser('first use'))
    const next = (await first.rotateSession(token))?.token ?? ''
    // The node remembers the session by now.
    assert.ok(await first.getSession(token))
    assert.ok(await storeOn(second, { renewSeconds: 3600 }).getSession(next))
    assert.match((await redis.inspector.get(keyOf(token))) ?? '', /retiredAt/)
    assert.doesNotMatch((await redis.inspector.get(keyOf(next))) ?? '', /unconfirmed/)
    await first.deleteSession(next)
  }
})

test('a first use that was cut off after any of its writes is completed by the next', async () => {
  const sessions = store(left)
  const { token, session } = await sessions.setSession(aUser('cut off'))
  const login = (await redis.inspector.get(keyOf(token))) ?? ''
  const next = (await sessions.rotateSession(token))?.token ?? ''
  const unconfirmed = (await redis.inspector.get(keyOf(next))) ?? ''
  assert.ok(await sessions.getSession(next))
  const retired = (await redis.inspector.get(keyOf(token))) ?? ''
  const complete = async () => {
    assert.equal((await store(right).getSession(next))?.id, session.id)
    assert.match((await redis.inspector.get(keyOf(token))) ?? '', /"retiredAt"/)
    assert.doesNotMatch((await redis.inspector.get(keyOf(next))) ?? '', /unconfirmed/)
  }
  // The old token is retired, and the session does not know.
  await redis.inspector.set(keyOf(next), unconfirmed, { expiration: { type: 'EX', value: 100 } })
  await complete()
  assert.equal(await redis.inspector.get(keyOf(token)), retired, 'its grace does not begin again')
  // Redis was killed, and has lost the second of the two writes of the rotation: both tokens have a session.
  await redis.inspector.set(keyOf(next), unconfirmed, { expiration: { type: 'EX', value: 100 } })
  await redis.inspector.set(keyOf(token), login, { expiration: { type: 'EX', value: 100 } })
  await complete()
  assert.equal((await sessions.rotateSession(token))?.token, next)
  await sessions.deleteSession(next)
})

test('a session lasts as long as any other while only its old token is used, and so does that token', async () => {
  const sessions = store(left, { ttlSeconds: 2 })
  const { token } = await sessions.setSession(aUser('clinger'))
  await sessions.rotateSession(token)
  const from = Date.now()
  await until('it has been used for twice the idle timeout', async () => {
    assert.ok(await sessions.getSession(token))
    return Date.now() - from > 4_000
  })
  assert.ok((await redis.inspector.pTTL(keyOf(token))) <= 2_000)
  assert.equal((await sessions.getSession((await sessions.rotateSession(token))?.token)) !== undefined, true)
  await sessions.deleteSession(token)
})

test('what is kept of replaced tokens is bounded: for the idle timeout, and of sixty of them', async () => {
  const { ttlSeconds } = standardOptions
  for (const [rotateSeconds, most] of [
    [900, ttlSeconds],
    [10, 600],
    [0, ttlSeconds],
  ] as const) {
    const sessions = store(left, { rotateSeconds })
    const { token } = await sessions.setSession(aUser('keeper'))
    const next = (await sessions.rotateSession(token))?.token ?? ''
    assert.ok((await redis.inspector.ttl(keyOf(token))) <= ttlSeconds)
    await sessions.getSession(next)
    const ttl = await redis.inspector.ttl(keyOf(token))
    assert.ok(ttl <= most && ttl > most - 10, `${ttl} of ${most} s`)
    const kept = (await redis.inspector.get(keyOf(token))) ?? ''
    assert.ok(kept.length < 200, `${kept.length} bytes`)
    await sessions.deleteSession(next)
  }
})

test('the new token works although Redis is full when it is used for the first time, and the old one is retired later', async () => {
  const sessions = store(left)
  const { token, session } = await sessions.setSession(aUser('squeezed'))
  const next = (await sessions.rotateSession(token))?.token ?? ''
  await redis.inspector.configSet('maxmemory', '1')
  try {
    for (const either of [next, token, next]) assert.equal((await sessions.getSession(either))?.id, session.id)
  } finally {
    await redis.inspector.configSet('maxmemory', '0')
  }
  assert.doesNotMatch((await redis.inspector.get(keyOf(token))) ?? '', /retiredAt/)
  assert.ok(await sessions.getSession(next))
  assert.match((await redis.inspector.get(keyOf(token))) ?? '', /retiredAt/)
  await sessions.deleteSession(next)
})

test('a session whose token was replaced and used costs what any other does: one GET a request', async () => {
  const sessions = storeOn(left, { renewSeconds: 3600 })
  const { token } = await sessions.setSession(aUser('frugal'))
  const next = (await sessions.rotateSession(token))?.token
  const beforeFirst = await redis.calls()
  await sessions.getSession(next)
  assert.equal(difference(beforeFirst, await redis.calls()).set, 2, 'the first use costs two writes')
  const earlier = await redis.calls()
  for (let use = 0; use < 10; use++) assert.ok(await sessions.getSession(next))
  assert.deepEqual(difference(earlier, await redis.calls()), { get: 10 })
  await sessions.deleteSession(next)
})

test('a renewal that comes when the token has been replaced, or the session has ended, changes nothing', async () => {
  const sessions = store(left)
  const { token } = await sessions.setSession(aUser('late'))
  const read = (await redis.inspector.get(keyOf(token))) ?? ''
  const TWO_HOURS = { ttlMs: 7_200_000, renewMs: 5_000, latestEndMs: Date.now() + 1e8 }
  const renew = () => right.run((client) => client.atomic.expireIfUnchanged(keyOf(token), read, TWO_HOURS))
  assert.ok(await renew())
  await sessions.rotateSession(token)
  assert.equal(await renew(), null)
  assert.ok((await redis.inspector.ttl(keyOf(token))) <= standardOptions.ttlSeconds)
  await sessions.deleteSession(token)
  assert.equal(await renew(), null)
  assert.equal(await sessions.getSession(token), undefined)
})

test('rotation is due when the token is old, counted from the last rotation, and never with 0', async () => {
  const sessions = store(left, { rotateSeconds: 1 })
  const { token } = await sessions.setSession(aUser('ageing'))
  assert.equal((await sessions.getSession(token))?.isRotationDue, false)
  await until('rotation is due', async () => (await sessions.getSession(token))?.isRotationDue)
  const never = store(right, { rotateSeconds: 0 })
  assert.equal((await never.getSession(token))?.isRotationDue, false)
  const next = (await sessions.rotateSession(token))?.token
  assert.equal((await sessions.getSession(next))?.isRotationDue, false)
  await until('rotation is due again', async () => (await sessions.getSession(next))?.isRotationDue)
})

test('of 50 rotations at once one is done, and all give the same token', async () => {
  const [here, there] = [store(left), store(right)]
  const { token, session } = await here.setSession(aUser('crowd'))
  const rotations = await Promise.all(
    Array.from({ length: 50 }, (_, turn) => (turn % 2 ? here : there).rotateSession(token)),
  )
  assert.equal(new Set(rotations.map((rotation) => rotation?.token)).size, 1)
  assert.equal(rotations.filter((rotation) => rotation?.isFirst).length, 1)
  assert.equal((await there.getSession(rotations[0]?.token))?.id, session.id)
  assert.equal((await here.listSessions('crowd')).length, 1)
  assert.equal((await redis.inspector.zCard('user-sessions:crowd')) ?? 0, 1)
})

test('ending a rotated session by either token, or by its id, ends it for both tokens at once', async () => {
  const sessions = store(left)
  for (const end of ['old', 'new', 'id'] as const) {
    const { token, session } = await sessions.setSession(aUser('ender'))
    const next = (await sessions.rotateSession(token))?.token ?? ''
    const ended =
      end === 'id'
        ? await sessions.revokeSession('ender', session.id)
        : await sessions.deleteSession(end === 'old' ? token : next)
    assert.deepEqual(ended, { id: session.id, username: 'ender' })
    for (const either of [token, next]) assert.equal(await store(right).getSession(either), undefined)
  }
})

test('1,000 logouts that race with reads, renewals and rotations are final: no key returns', async () => {
  const [here, there] = [store(left), store(right)]
  await redis.inspector.flushDb()
  for (let race = 0; race < 1_000; race++) {
    const { token, session } = await here.setSession(aUser('racer'))
    // The end comes at a different moment of the others' work in each race, by cookie or by id.
    const others = [
      there.getSession(token),
      there.rotateSession(token),
      here.rotateSession(token),
      here.getSession(token),
    ]
    for (let turn = 0; turn < race % 7; turn++) await new Promise(setImmediate)
    if (race % 2) await there.deleteSession(token)
    else await there.revokeSession('racer', session.id)
    const tokens = (await Promise.allSettled(others)).flatMap((result) =>
      result.status === 'fulfilled' && result.value && 'token' in result.value ? [result.value.token] : [],
    )
    for (const either of [token, ...tokens]) assert.equal(await here.getSession(either), undefined)
    const left = await sessionKeys()
    // All that may be there is a pointer to nothing, which ends with the grace.
    for (const key of left) assert.match((await redis.inspector.get(key)) ?? '', /^\{"replacedBy"/)
    if (left.length > 0) await redis.inspector.del(left)
  }
})

test('with hashed keys no token is anywhere in Redis, before, during and after a rotation', async () => {
  const sessions = store(left, { keyForm: 'hashed' })
  await redis.inspector.flushDb()
  const { token } = await sessions.setSession(aUser('careful'))
  const next = (await sessions.rotateSession(token))?.token ?? ''
  const copy: string[] = []
  for (const key of await redis.inspector.keys('*')) {
    const members = key.startsWith('user-')
      ? await redis.inspector.zRange(key, 0, -1)
      : [await redis.inspector.get(key)]
    copy.push(key, ...members.map(String))
  }
  assert.equal(copy.length, 6)
  for (const secret of [token, next]) assert.ok(!copy.join().includes(secret))
  // And what is there is of no use as a cookie.
  for (const [, name = ''] of copy.join().matchAll(/session:([0-9a-f]{64})/g)) {
    assert.equal(await sessions.getSession(name), undefined)
    assert.equal(await sessions.getSession(name.slice(0, 43)), undefined)
  }
})

test('the eleventh session of a user ends the oldest, also when they are started at once', async () => {
  const sessions = store(left)
  const first = await sessions.setSession(aUser('many'))
  await until('the next login is later', () => Date.now() > Date.parse(first.session.createdAt) + 1)
  for (let login = 2; login <= 10; login++) assert.deepEqual((await sessions.setSession(aUser('many'))).ended, [])
  assert.ok(await sessions.getSession(first.token))
  const { ended } = await sessions.setSession(aUser('many'))
  assert.deepEqual(
    ended.map(({ id }) => id),
    [first.session.id],
  )
  assert.equal(await sessions.getSession(first.token), undefined)

  await Promise.all(Array.from({ length: 30 }, (_, turn) => store(turn % 2 ? left : right).setSession(aUser('many'))))
  assert.equal((await sessions.listSessions('many')).length, 10)
})

test('sessions that have expired do not count, and a login in the place of another ends only that', async () => {
  const sessions = store(left, { maxPerUser: 2 })
  const [gone, kept] = [await sessions.setSession(aUser('few')), await sessions.setSession(aUser('few'))]
  await redis.inspector.del(keyOf(gone.token))
  const third = await sessions.setSession(aUser('few'))
  assert.deepEqual(third.ended, [])
  const fourth = await sessions.setSession(aUser('few'), { replaces: third.token })
  assert.deepEqual(fourth.ended, [])
  assert.ok(await sessions.getSession(kept.token))
  assert.equal(await sessions.getSession(third.token), undefined)
})

test('a listing says when a session was last used; neither that nor a peek at it counts as a use', async () => {
  const sessions = store(left)
  const { token, session } = await sessions.setSession(aUser('observed'))
  await until('some time has passed', () => Date.now() > Date.parse(session.createdAt) + 30)
  const seen = async () => Date.parse((await sessions.listSessions('observed'))[0]?.lastSeenAt ?? '')
  assert.equal(await seen(), Date.parse(session.createdAt))
  assert.deepEqual(await store(right).peekSession(token), { ...session, isRotationDue: false })
  assert.equal(await seen(), Date.parse(session.createdAt))
  const used = await sessions.getSession(token)
  assert.equal(await seen(), Date.parse(used?.lastSeenAt ?? ''))
  assert.ok((await seen()) >= Date.parse(session.createdAt) + 29)
})

test('all sessions of a user but one are ended together', async () => {
  const sessions = store(left)
  const logins = [
    await sessions.setSession(aUser('cleaner')),
    await sessions.setSession(aUser('cleaner')),
    await sessions.setSession(aUser('cleaner')),
  ]
  const [kept] = logins
  const ended = await sessions.revokeSessions('cleaner', kept?.session.id)
  assert.equal(ended.length, 2)
  assert.deepEqual(
    (await sessions.listSessions('cleaner')).map(({ id }) => id),
    [kept?.session.id],
  )
})

test('a login is fresh for a while, by the clock of Redis', async () => {
  const sessions = store(left, { freshSeconds: 1 })
  const { session } = await sessions.setSession(aUser('fresh'))
  assert.equal(await sessions.isFresh(session), true)
  await until('it is not fresh any more', async () => !(await sessions.isFresh(session)), 3_000)
})

test('the stand-in for Redis that the model of the rotation runs on answers as Redis does', async () => {
  let nowMs = 0
  const model = createCommands(() => nowMs)
  nowMs = Date.now()
  const end = { expiration: { type: 'PXAT', value: nowMs + 60_000 } } as const
  const times = { ttlMs: 90_000, renewMs: 1_000, latestEndMs: nowMs + 80_000 }
  const [key, none] = ['session:model', 'session:none']
  const answers = await left.run((client) =>
    Promise.all([
      client.set(key, 'a', end),
      client.get(key),
      client.get(none),
      client.pExpireTime(key),
      client.pExpireTime(none),
      client.atomic.expireIfUnchanged(key, 'b', times),
      client.atomic.expireIfUnchanged(none, 'a', times),
      client.atomic.expireIfUnchanged(key, 'a', times).then((renewed) => renewed?.endsMs),
      client.atomic
        .expireIfUnchanged(key, 'a', { ...times, ttlMs: 70_000, renewMs: 1e6 })
        .then((renewed) => renewed?.endsMs),
      client.pExpireTime(key),
      client.atomic.setIfUnchanged(key, 'b', 'c', 5_000),
      client.atomic.setIfUnchanged(none, 'b', 'c', 5_000),
      client.atomic.setIfUnchanged(key, 'a', 'c', 5_000),
      client.get(key),
      client.getDel(key),
      client.getDel(key),
    ]),
  )
  const { commands } = model
  const endsOf = (renewed: unknown) => Object(renewed).endsMs
  assert.deepEqual(answers, [
    commands.set?.(key, 'a', end),
    commands.get?.(key),
    commands.get?.(none),
    commands.pExpireTime?.(key),
    commands.pExpireTime?.(none),
    commands.expireIfUnchanged?.(key, 'b', times),
    commands.expireIfUnchanged?.(none, 'a', times),
    endsOf(commands.expireIfUnchanged?.(key, 'a', times)),
    endsOf(commands.expireIfUnchanged?.(key, 'a', { ...times, ttlMs: 70_000, renewMs: 1e6 })),
    commands.pExpireTime?.(key),
    commands.setIfUnchanged?.(key, 'b', 'c', 5_000),
    commands.setIfUnchanged?.(none, 'b', 'c', 5_000),
    commands.setIfUnchanged?.(key, 'a', 'c', 5_000),
    commands.get?.(key),
    commands.getDel?.(key),
    commands.getDel?.(key),
  ])
  // What expires at a time is gone from that time on.
  commands.set?.(key, 'a', end)
  nowMs += 60_000
  assert.equal(commands.get?.(key), null)
})
