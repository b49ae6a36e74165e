// SESSION_CACHE=on: a hot session costs Redis nothing, and what that must not cost.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { connectRedis, type RedisConnection } from '../../src/redis/connection.ts'
import { RedisUnavailable } from '../../src/redis/errors.ts'
import { difference, type TestRedis } from '../lib/redis-server.ts'
import { aUser, keyOf, startTwoConnections, storeOn as store } from '../lib/stores.ts'
import { startTcpSwitch } from '../lib/tcp-switch.ts'
import { quiet } from '../lib/test-node.ts'
import { until } from '../lib/until.ts'

let redis: TestRedis
let left: RedisConnection
let right: RedisConnection
let stop: () => Promise<void>

before(async () => {
  ;({ redis, left, right, stop } = await startTwoConnections({ cacheEntries: 100 }))
})
after(() => stop())

test('a hot session is read from Redis once, and then not again until it changes', async () => {
  const sessions = store(left)
  const { token } = await sessions.setSession(aUser('hot'))
  await sessions.getSession(token)
  const earlier = await redis.calls()
  for (let read = 0; read < 100; read++) assert.equal((await sessions.getSession(token))?.user.username, 'hot')
  assert.deepEqual(difference(earlier, await redis.calls()), {})
  await redis.inspector.expire(keyOf(token), 3_000)
  await until('it has been read again', async () => {
    await sessions.getSession(token)
    return difference(earlier, await redis.calls()).get === 1
  })
})

test('a session that ends on one node is gone there at once, and on the other as soon as Redis has told', async () => {
  const [here, there] = [store(left), store(right)]
  for (let round = 0; round < 200; round++) {
    const { token, session } = await here.setSession(aUser('leaver'))
    for (const node of [here, there, here, there]) assert.ok(await node.getSession(token))
    if (round % 2 === 0) await here.deleteSession(token)
    else await here.revokeSession('leaver', session.id)
    assert.equal(await here.getSession(token), undefined)
    await until('the other node refuses it', async () => !(await there.getSession(token)), 50)
  }
})

test('a rotation on one node is seen on the other', async () => {
  const [here, there] = [store(left), store(right)]
  const { token, session } = await here.setSession(aUser('turner'))
  assert.equal((await there.getSession(token))?.isRotationDue, false)
  await here.rotateSession(token)
  await until('the other node follows it', async () => (await there.getSession(token))?.isRotationDue, 50)
  assert.equal((await there.getSession(token))?.id, session.id)
})

test('a lost connection empties the cache: no answer after it comes from before it', async () => {
  const sessions = store(left)
  for (let round = 0; round < 20; round++) {
    const { token } = await sessions.setSession(aUser('cut off'))
    await sessions.getSession(token)
    assert.ok(await sessions.getSession(token))
    // In one step, so that the news of the end has nobody to go to.
    await redis.inspector
      .multi()
      .addCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
      .del(keyOf(token))
      .exec()
    let isNoticed = false
    for (let isOver = false; !isOver; await setImmediate()) {
      try {
        const found = await sessions.getSession(token)
        assert.ok(!(found && isNoticed), 'an answer from before the loss')
        isOver = !found
      } catch (error) {
        if (!(error instanceof RedisUnavailable)) throw error
        isNoticed = true
      }
    }
    assert.ok(isNoticed, 'the connection was lost')
  }
})

test('a Redis that is silent is believed for a second, and then nothing is said that it may have taken back', async (t) => {
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
  await cut.run((client) => client.ping())
  const heardAt = performance.now()
  link.withhold()
  await store(right).deleteSession(token)

  let lastBelievedAt = heardAt
  await until('it is refused to say more', async () => {
    const askedAt = performance.now()
    try {
      assert.ok(await sessions.getSession(token), 'the news has not come through')
      lastBelievedAt = askedAt
      return false
    } catch (error) {
      if (error instanceof RedisUnavailable) return true
      throw error
    }
  })
  // By the clock that the node has too, so it does not depend on how fast the machine is.
  assert.ok(lastBelievedAt - heardAt < 1_000, `believed for ${lastBelievedAt - heardAt} ms`)
  assert.ok(lastBelievedAt > heardAt, 'it was in the memory of the node')

  link.deliver()
  const found = await until('it is answered again', () =>
    sessions.getSession(token).then(
      (session) => ({ session }),
      () => undefined,
    ),
  )
  assert.equal(found.session, undefined)
})

test('a session in the cache ends when its time is over, though nobody says so', async () => {
  const sessions = store(left, { ttlSeconds: 60, absoluteSeconds: 1 })
  const { token, session } = await sessions.setSession(aUser('ending'))
  // So that Redis does not find by itself that it has expired.
  await redis.inspector.sendCommand(['DEBUG', 'SET-ACTIVE-EXPIRE', '0'])
  try {
    await until('it has ended', async () => {
      // As the heartbeat does: so the cache is believed all the time.
      await left.run((client) => client.ping())
      return !(await sessions.getSession(token))
    })
    const [seconds, micros] = await redis.inspector.time()
    const now = Number(seconds) * 1000 + Number(micros) / 1000
    assert.ok(now - Date.parse(session.absoluteExpiresAt) < 200, 'it was given out past its end')
  } finally {
    await redis.inspector.sendCommand(['DEBUG', 'SET-ACTIVE-EXPIRE', '1'])
  }
})
