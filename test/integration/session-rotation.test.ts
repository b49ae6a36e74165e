import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { RedisConnection } from 'app/redis/connection'
import type { SessionOptions } from 'app/sessions/session-store'
import { createCommands } from '../support/model-redis.ts'
import { difference } from '../support/redis-calls.ts'
import type { TestRedis } from '../support/redis-server.ts'
import { untilWithin } from '../support/stopwatch.ts'
import { aUser, keyOf, startTwoConnections, storeOn } from '../support/stores.ts'
import { standardOptions } from '../support/test-node.ts'
import { until } from '../support/until.ts'

let redis: TestRedis
let left: RedisConnection
let right: RedisConnection
let stop: () => Promise<void>

before(async () => {
  ;({ redis, left, right, stop } = await startTwoConnections({ deadlineMs: 10_000 }))
})
after(() => stop())

const sessionKeys = () => redis.inspector.keys('session:*')

/** Checks at every read whether a rotation is due. Usually a node checks every few seconds. */
const store = (connection: RedisConnection, options: Partial<SessionOptions> = {}) =>
  storeOn(connection, { renewSeconds: 0, ...options })

for (const keyForm of ['plain', 'hashed'] as const) {
  test(`with ${keyForm} keys, a rotated session continues under a new token with the same id, times and user`, async () => {
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

const SHORT_GRACE = { rotateGraceSeconds: 2 }

/** Uses Redis's clock, which is that of this machine. */
async function waitForGrace(): Promise<void> {
  const from = Date.now()
  await until('the grace period has passed', () => Date.now() - from > SHORT_GRACE.rotateGraceSeconds * 1000 + 50)
}

test('the old token leads to the session until the grace period after the first use of the new token has passed', async () => {
  const [here, there] = [store(left, SHORT_GRACE), store(right, SHORT_GRACE)]
  const { token, session } = await here.setSession(aUser('lingerer'))
  const next = (await here.rotateSession(token))?.token
  const assertOldWorks = async () => {
    const found = await there.getSession(token)
    assert.equal(found?.id, session.id)
    assert.equal(found?.isRotationDue, true, 'a request with the old token receives the new one')
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
  assert.equal((await here.getSession(next))?.id, session.id, 'a read ends no session')
  await here.deleteSession(next)
})

test('a reused old token ends the session, also after several rotations; any other token ends nothing', async () => {
  const [here, there] = [store(left, SHORT_GRACE), store(right, SHORT_GRACE)]
  const { token, session } = await here.setSession(aUser('returner'))
  const tokens = [token]
  for (let rotation = 0; rotation < 30; rotation++) {
    const next = (await there.rotateSession(tokens.at(-1) ?? ''))?.token ?? ''
    assert.ok(await there.getSession(next))
    tokens.push(next)
  }
  assert.equal(await here.endReused(tokens.at(-2)), undefined, 'within the grace period')
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

test('peeking at a session with its new token is not a use, so the old token still works', async () => {
  const sessions = store(left)
  const { token } = await sessions.setSession(aUser('looker'))
  const next = (await sessions.rotateSession(token))?.token
  assert.ok(await store(right).peekSession(next))
  assert.equal((await sessions.listSessions('looker')).length, 1)
  assert.doesNotMatch((await redis.inspector.get(keyOf(token))) ?? '', /retiredAt/)
  await sessions.deleteSession(token)
})

test('the first use of a new token retires the old one, on the node that issued it and on any other', async () => {
  for (const second of [left, right]) {
    const first = storeOn(left, { renewSeconds: 3600 })
    const { token } = await first.setSession(aUser('first use'))
    const next = (await first.rotateSession(token))?.token ?? ''
    // The node now has the session in memory.
    assert.ok(await first.getSession(token))
    assert.ok(await storeOn(second, { renewSeconds: 3600 }).getSession(next))
    assert.match((await redis.inspector.get(keyOf(token))) ?? '', /retiredAt/)
    assert.doesNotMatch((await redis.inspector.get(keyOf(next))) ?? '', /unconfirmed/)
    await first.deleteSession(next)
  }
})

test('a first use interrupted after any of its writes is completed by the next one', async () => {
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
  // The old token is retired, but the session record does not show it.
  await redis.inspector.set(keyOf(next), unconfirmed, { expiration: { type: 'EX', value: 100 } })
  await complete()
  assert.equal(await redis.inspector.get(keyOf(token)), retired, 'its grace period does not restart')
  // A killed Redis has lost the second write of the rotation, so both tokens have a session.
  await redis.inspector.set(keyOf(next), unconfirmed, { expiration: { type: 'EX', value: 100 } })
  await redis.inspector.set(keyOf(token), login, { expiration: { type: 'EX', value: 100 } })
  await complete()
  assert.equal((await sessions.rotateSession(token))?.token, next)
  await sessions.deleteSession(next)
})

test('a session used only with its old token, and that token, last as long as any other', async () => {
  const sessions = store(left, { ttlSeconds: 2 })
  const { token } = await sessions.setSession(aUser('clinger'))
  await sessions.rotateSession(token)
  const from = Date.now()
  await until('the session has been used for twice the idle timeout', async () => {
    assert.ok(await sessions.getSession(token))
    return Date.now() - from > 4_000
  })
  assert.ok((await redis.inspector.pTTL(keyOf(token))) <= 2_000)
  assert.equal((await sessions.getSession((await sessions.rotateSession(token))?.token)) !== undefined, true)
  await sessions.deleteSession(token)
})

test('records of replaced tokens are bounded: sixty per session, for the idle timeout', async () => {
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

test('the first use of a new token works on a full Redis, and the old token is retired later', async () => {
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

test('a session with a replaced token costs one GET per request, like any other', async () => {
  const sessions = storeOn(left, { renewSeconds: 3600 })
  const { token } = await sessions.setSession(aUser('frugal'))
  const next = (await sessions.rotateSession(token))?.token
  const beforeFirst = await redis.calls()
  await sessions.getSession(next)
  assert.equal(difference(beforeFirst, await redis.calls()).set, 2, 'the first use sends two writes')
  const earlier = await redis.calls()
  for (let use = 0; use < 10; use++) assert.ok(await sessions.getSession(next))
  assert.deepEqual(difference(earlier, await redis.calls()), { get: 10 })
  await sessions.deleteSession(next)
})

test('a renewal after the token was replaced or the session has ended changes nothing', async () => {
  const sessions = store(left)
  const { token } = await sessions.setSession(aUser('late'))
  const read = (await redis.inspector.get(keyOf(token))) ?? ''
  const TWO_HOURS = { ttlMs: 7_200_000, renewMs: 5_000, latestEndMs: Date.now() + 1e8 }
  const renew = () =>
    right.run(keyOf(token), (client) => client.atomic.expireIfUnchanged(keyOf(token), read, TWO_HOURS))
  assert.ok(await renew())
  await sessions.rotateSession(token)
  assert.equal(await renew(), null)
  assert.ok((await redis.inspector.ttl(keyOf(token))) <= standardOptions.ttlSeconds)
  await sessions.deleteSession(token)
  assert.equal(await renew(), null)
  assert.equal(await sessions.getSession(token), undefined)
})

test('a rotation is due when the token reaches its age since the last rotation, and never with 0', async () => {
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

test('of 50 concurrent rotations one takes effect, and all return the same token', async () => {
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

test('ending a rotated session by either token or by its id ends it for both tokens', async () => {
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

test('1,000 logouts concurrent with reads, renewals and rotations are final: no key returns', async () => {
  const [here, there] = [store(left), store(right)]
  await redis.inspector.flushDb()
  for (let race = 0; race < 1_000; race++) {
    const { token, session } = await here.setSession(aUser('racer'))
    // Each race ends the session at a different moment of the other operations, by cookie or by id.
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
    // Only a pointer without a session may remain. It expires with the grace period.
    for (const key of left) assert.match((await redis.inspector.get(key)) ?? '', /^\{"replacedBy"/)
    if (left.length > 0) await redis.inspector.del(left)
  }
})

test('with hashed keys, Redis contains no token before, during and after a rotation', async () => {
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
  // The stored values do not work as a cookie.
  for (const [, name = ''] of copy.join().matchAll(/session:([0-9a-f]{64})/g)) {
    assert.equal(await sessions.getSession(name), undefined)
    assert.equal(await sessions.getSession(name.slice(0, 43)), undefined)
  }
})

test('the eleventh session of a user evicts the oldest, also with concurrent logins', async () => {
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

test('expired sessions do not count towards the limit, and a login that replaces a session ends only that one', async () => {
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

test('listing sessions shows their last use; neither a listing nor a peek is a use', async () => {
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

test('one call ends all sessions of a user except one', async () => {
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

test('a login is recent for a limited time by Redis’s clock', async () => {
  const sessions = store(left, { freshSeconds: 1 })
  const { session } = await sessions.setSession(aUser('fresh'))
  assert.equal(await sessions.isFresh(session), true)
  await untilWithin(3_000, 'the login is no longer recent', async () => !(await sessions.isFresh(session)))
})

const POINTER = '{"replacedBy":"another","salt":"any"}'

test('the in-memory Redis of the rotation model replies like the real Redis', async () => {
  let nowMs = 0
  const model = createCommands(() => nowMs)
  nowMs = Date.now()
  const end = { expiration: { type: 'PXAT', value: nowMs + 60_000 } } as const
  const times = { ttlMs: 90_000, renewMs: 1_000, latestEndMs: nowMs + 80_000 }
  // In a cluster, both are in one slot.
  const [key, none] = ['session:{model}', 'session:{model}:none']
  const answers = await left.run(key, (client) =>
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
      client.atomic.takeSession(key),
      client.atomic.takeSession(key),
      client.set(key, POINTER, end),
      client.atomic.takeSession(key),
      client.get(key),
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
    commands.takeSession?.(key),
    commands.takeSession?.(key),
    commands.set?.(key, POINTER, end),
    commands.takeSession?.(key),
    commands.get?.(key),
  ])
  // A key is expired from its expiry time on.
  commands.set?.(key, 'a', end)
  nowMs += 60_000
  assert.equal(commands.get?.(key), null)
})
