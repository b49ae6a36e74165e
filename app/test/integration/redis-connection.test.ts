import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { connectRedis, type RedisConnection } from '../../src/redis/connection.ts'
import { RedisDisconnected, RedisUnavailable } from '../../src/redis/errors.ts'
import { lastingPort } from '../lib/lasting-port.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'
import { quiet } from '../lib/test-node.ts'
import { until } from '../lib/until.ts'

const DEADLINE_MS = 200
let redis: TestRedis
let connection: RedisConnection

before(async () => {
  redis = await startTestRedis()
  connection = await connectRedis({ url: redis.url, deadlineMs: DEADLINE_MS }, quiet)
})
after(async () => {
  await connection.close()
  await redis.stop()
})

const ping = () => connection.run((client) => client.ping())
const isBack = () =>
  ping().then(
    () => true,
    () => false,
  )

test('with nothing at the address, the first attempt says where it failed and does not hang', async () => {
  const url = `redis://app:hunter2@127.0.0.1:${await lastingPort()}`
  await assert.rejects(connectRedis({ url, deadlineMs: DEADLINE_MS }, quiet), (error) => {
    assert.ok(error instanceof RedisUnavailable)
    assert.match(error.message, /^Failed to connect to Redis at 127\.0\.0\.1:\d+: .*ECONNREFUSED/)
    return !error.message.includes('hunter2')
  })
})

test('a wrong password fails the first attempt', async () => {
  const url = redis.url.replace('redis://', 'redis://app:wrong@')
  await assert.rejects(connectRedis({ url, deadlineMs: DEADLINE_MS }, quiet), /Failed to connect to Redis.*WRONGPASS/)
})

test('a password beside the address is used with the user name in it', async () => {
  await redis.inspector.sendCommand(['ACL', 'SETUSER', 'worker', 'on', '>beside', '~*', '+@all'])
  const url = redis.url.replace('redis://', 'redis://worker@')
  const other = await connectRedis({ url, password: 'beside', deadlineMs: DEADLINE_MS }, quiet)
  assert.equal(await other.run((client) => client.sendCommand(['ACL', 'WHOAMI'])), 'worker')
  await other.close()
})

test('a paused Redis costs the deadline, not more, and is used again when it goes on', async () => {
  redis.pause()
  try {
    for (let call = 0; call < 5; call++) {
      const startedAt = performance.now()
      await assert.rejects(ping(), RedisUnavailable)
      assert.ok(performance.now() - startedAt < DEADLINE_MS + 150)
    }
  } finally {
    redis.resume()
  }
  await until('Redis is used again', isBack)
})

test('an answer that has arrived while the process was blocked is not too late', async () => {
  for (let round = 0; round < 5; round++) {
    const answer = ping()
    // Let it be sent, and then nothing else be done until the deadline is over.
    await new Promise((resolve) => setImmediate(resolve))
    const blockedUntil = performance.now() + DEADLINE_MS + 50
    while (performance.now() < blockedUntil);
    assert.equal(await answer, 'PONG')
  }
})

test('calls that Redis never answered do not pile up', async () => {
  redis.pause()
  try {
    await Promise.all(Array.from({ length: 200 }, () => assert.rejects(ping(), RedisUnavailable)))
    // The client that waited has been thrown away: from now on there is none, and the answer is immediate.
    const startedAt = performance.now()
    await assert.rejects(ping(), RedisUnavailable)
    assert.ok(performance.now() - startedAt < 50)
  } finally {
    redis.resume()
  }
  await until('Redis is used again', isBack)
})

test('a Redis that is killed and started again, time after time, is always found again', async () => {
  for (let round = 0; round < 5; round++) {
    await redis.kill()
    await until('calls fail at once', async () => {
      const startedAt = performance.now()
      return !(await isBack()) && performance.now() - startedAt < 50
    })
    await redis.start()
    await until('Redis is used again', isBack)
  }
})

test('a Redis that has no room for another client is waited for', async () => {
  await redis.inspector.configSet('maxclients', '1')
  let late: RedisConnection
  try {
    late = await connectRedis({ url: redis.url, deadlineMs: DEADLINE_MS }, quiet)
    await assert.rejects(
      late.run((client) => client.ping()),
      RedisDisconnected,
    )
  } finally {
    await redis.inspector.configSet('maxclients', '1000')
  }
  const isIn = () =>
    late
      .run((client) => client.ping())
      .then(
        () => true,
        () => false,
      )
  await until('there is room', isIn, 3_000)
  await late.close()
})

test('after close, calls fail instead of connecting anew', async () => {
  const other = await connectRedis({ url: redis.url, deadlineMs: DEADLINE_MS }, quiet)
  await other.close()
  await assert.rejects(
    other.run((client) => client.ping()),
    RedisUnavailable,
  )
})
