// SESSION_CACHE=on: a hot session sends no Redis command, and no guarantee is lost.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { connectRedis } from 'app/redis/connect'
import type { RedisConnection } from 'app/redis/connection'
import { RedisUnavailable } from 'app/redis/errors'
import { difference } from '../support/redis-calls.ts'
import type { TestRedis } from '../support/redis-server.ts'
import { aUser, keyOf, startTwoConnections, storeOn as store } from '../support/stores.ts'
import { startTcpSwitch } from '../support/tcp-switch.ts'
import { quiet } from '../support/test-node.ts'
import { until } from '../support/until.ts'

let redis: TestRedis
let left: RedisConnection
let right: RedisConnection
let stop: () => Promise<void>

before(async () => {
  ;({ redis, left, right, stop } = await startTwoConnections({ cacheEntries: 100 }))
})
after(() => stop())

test('a hot session is read from Redis once, and again only after it changes', async () => {
  const sessions = store(left)
  const { token } = await sessions.setSession(aUser('hot'))
  await sessions.getSession(token)
  const earlier = await redis.calls()
  for (let read = 0; read < 100; read++) assert.equal((await sessions.getSession(token))?.user.username, 'hot')
  assert.deepEqual(difference(earlier, await redis.calls()), {})
  await redis.inspector.expire(keyOf(token), 3_000)
  await until('the session is read again', async () => {
    await sessions.getSession(token)
    return difference(earlier, await redis.calls()).get === 1
  })
})

test('a session ended on one node is rejected there immediately, and on the other as soon as Redis notifies it', async () => {
  const [here, there] = [store(left), store(right)]
  for (let round = 0; round < 200; round++) {
    const { token, session } = await here.setSession(aUser('leaver'))
    for (const node of [here, there, here, there]) assert.ok(await node.getSession(token))
    if (round % 2 === 0) await here.deleteSession(token)
    else await here.revokeSession('leaver', session.id)
    assert.equal(await here.getSession(token), undefined)
    await until('the other node rejects the session', async () => !(await there.getSession(token)), 50)
  }
})

test('a rotation on one node takes effect on the other', async () => {
  const [here, there] = [store(left), store(right)]
  const { token, session } = await here.setSession(aUser('turner'))
  assert.equal((await there.getSession(token))?.isRotationDue, false)
  await here.rotateSession(token)
  await until('the other node uses the new token', async () => (await there.getSession(token))?.isRotationDue, 50)
  assert.equal((await there.getSession(token))?.id, session.id)
})

test('a lost connection empties the cache: no later response uses older data', async () => {
  const sessions = store(left)
  for (let round = 0; round < 20; round++) {
    const { token } = await sessions.setSession(aUser('cut off'))
    await sessions.getSession(token)
    assert.ok(await sessions.getSession(token))
    // In one step, so Redis cannot notify the node of the end.
    await redis.inspector
      .multi()
      .addCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
      .del(keyOf(token))
      .exec()
    let isNoticed = false
    for (let isOver = false; !isOver; await setImmediate()) {
      try {
        const found = await sessions.getSession(token)
        assert.ok(!(found && isNoticed), 'the node used data from before the lost connection')
        isOver = !found
      } catch (error) {
        if (!(error instanceof RedisUnavailable)) throw error
        isNoticed = true
      }
    }
    assert.ok(isNoticed, 'the connection was lost')
  }
})

test('a node trusts its cache for one second without a reply from Redis, and then returns no cached session', async (t) => {
  const link = await startTcpSwitch(Number(new URL(redis.url).port))
  const cut = await connectRedis({ url: `redis://127.0.0.1:${link.port}`, deadlineMs: 500, cacheEntries: 100 }, quiet)
  t.after(async () => {
    link.deliver()
    await cut.close()
    await link.stop()
  })
  const sessions = store(cut)
  const { token } = await sessions.setSession(aUser('patient'))
  await sessions.getSession(token)
  await cut.run('', (client) => client.ping())
  const heardAt = performance.now()
  link.withhold()
  await store(right).deleteSession(token)

  let lastBelievedAt = heardAt
  await until('the node stops trusting its cache', async () => {
    const askedAt = performance.now()
    try {
      assert.ok(await sessions.getSession(token), 'the notification has not arrived')
      lastBelievedAt = askedAt
      return false
    } catch (error) {
      if (error instanceof RedisUnavailable) return true
      throw error
    }
  })
  // By the node's own clock, so the result does not depend on the speed of the machine.
  assert.ok(lastBelievedAt - heardAt < 1_000, `trusted for ${lastBelievedAt - heardAt} ms`)
  assert.ok(lastBelievedAt > heardAt, 'the session was in the cache')

  link.deliver()
  const found = await until('reads succeed again', () =>
    sessions.getSession(token).then(
      (session) => ({ session }),
      () => undefined,
    ),
  )
  assert.equal(found.session, undefined)
})

test('a cached session expires on time without a notification', async () => {
  const sessions = store(left, { ttlSeconds: 60, absoluteSeconds: 1 })
  const { token, session } = await sessions.setSession(aUser('ending'))
  // Prevents Redis from expiring the key itself.
  await redis.inspector.sendCommand(['DEBUG', 'SET-ACTIVE-EXPIRE', '0'])
  try {
    let lastRead = 0
    await until('the cached session is expired', async () => {
      // Like the heartbeat, so the node keeps trusting its cache.
      await left.run('', (client) => client.ping())
      const askedAt = Date.now()
      const isExpired = !(await sessions.getSession(token))
      if (!isExpired) lastRead = askedAt
      return isExpired
    })
    // A node believes a new session longer by the time that its creation took. Redis's clock is that of this machine.
    assert.ok(lastRead - Date.parse(session.absoluteExpiresAt) < 200, 'the cache returned an expired session')
  } finally {
    await redis.inspector.sendCommand(['DEBUG', 'SET-ACTIVE-EXPIRE', '1'])
  }
})
