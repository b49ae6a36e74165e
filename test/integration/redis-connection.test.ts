import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, type TestContext, test } from 'node:test'
import { connectRedis } from 'app/redis/connect'
import type { RedisConnection } from 'app/redis/connection'
import { RedisDisconnected, RedisUnavailable } from 'app/redis/errors'
import { placeOfUrl } from 'app/redis/places'
import { connectPrimary } from 'app/redis/primary'
import { lastingPort } from '../support/lasting-port.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { untilWithin, within } from '../support/stopwatch.ts'
import { startTcpSwitch } from '../support/tcp-switch.ts'
import { quiet } from '../support/test-node.ts'
import { until } from '../support/until.ts'

/** For connections that miss it. */
const DEADLINE_MS = 200
/** For all others, also on a busy machine. */
const PATIENT_MS = 2_000
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

const ping = () => connection.run('', (client) => client.ping())
const isBack = () =>
  ping().then(
    () => true,
    () => false,
  )

test('without a server at the address, the first attempt fails at once with an error that names the address', async () => {
  const url = `redis://app:hunter2@127.0.0.1:${await lastingPort()}`
  await assert.rejects(connectRedis({ url, deadlineMs: PATIENT_MS }, quiet), (error) => {
    assert.ok(error instanceof RedisUnavailable)
    assert.match(error.message, /^Failed to connect to Redis at 127\.0\.0\.1:\d+: .*ECONNREFUSED/)
    return !error.message.includes('hunter2')
  })
})

test('a wrong password fails the first attempt', async () => {
  const url = redis.url.replace('redis://', 'redis://app:wrong@')
  await assert.rejects(connectRedis({ url, deadlineMs: PATIENT_MS }, quiet), /Failed to connect to Redis.*WRONGPASS/)
})

test('a password set separately is used with the user name in the URL', async () => {
  await redis.inspector.sendCommand(['ACL', 'SETUSER', 'worker', 'on', '>beside', '~*', '+@all'])
  const url = redis.url.replace('redis://', 'redis://worker@')
  const other = await connectRedis({ url, password: 'beside', deadlineMs: PATIENT_MS }, quiet)
  assert.equal(await other.run('', (client) => client.sendCommand(['ACL', 'WHOAMI'])), 'worker')
  await other.close()
})

test('a connection stays when it is told to go where it already is, as by each sentinel after a failover', async (t) => {
  const options = { url: redis.url, deadlineMs: PATIENT_MS }
  const primary = await connectPrimary(options, placeOfUrl(options), quiet)
  t.after(primary.close)
  const id = () => primary.run('', (client) => client.clientId())
  const first = await id()
  primary.relocate(new Error('the sentinels have switched'), new URL(redis.url).host)
  assert.equal(await id(), first)
  primary.relocate(new Error('the sentinels have switched'), '127.0.0.1:1')
  assert.notEqual(await until('there is another connection', () => id().catch(() => undefined)), first)
})

test('a call to a paused Redis fails at its deadline, and Redis is used again when it continues', async () => {
  redis.pause()
  try {
    for (let call = 0; call < 5; call++) {
      await within(DEADLINE_MS + 2_000, 'a call to a paused Redis', () => assert.rejects(ping(), RedisUnavailable))
    }
  } finally {
    redis.resume()
  }
  await until('calls to Redis succeed again', isBack)
})

test('a reply that arrived while the process was blocked is not a timeout', async () => {
  for (let round = 0; round < 5; round++) {
    const answer = ping()
    // Sends the command, then blocks the process until the deadline has passed.
    await new Promise((resolve) => setImmediate(resolve))
    const blockedUntil = performance.now() + DEADLINE_MS + 50
    while (performance.now() < blockedUntil);
    // Redis replies to a later command of another client only after it has replied to this one.
    execFileSync('redis-cli', ['-u', redis.url, 'PING'])
    assert.equal(await answer, 'PONG')
  }
})

test('calls without a reply from Redis do not accumulate', async () => {
  redis.pause()
  try {
    await Promise.all(Array.from({ length: 200 }, () => assert.rejects(ping(), RedisUnavailable)))
    // The waiting client was discarded. Without a client, calls fail immediately.
    await within(50, 'a call without a client', () => assert.rejects(ping(), RedisUnavailable))
  } finally {
    redis.resume()
  }
  await until('calls to Redis succeed again', isBack)
})

test('after each restart of a killed Redis, the node reconnects', async () => {
  for (let round = 0; round < 5; round++) {
    await redis.kill()
    await until('calls fail immediately', async () => {
      const startedAt = performance.now()
      return !(await isBack()) && performance.now() - startedAt < 50
    })
    await redis.start()
    await until('calls to Redis succeed again', isBack)
  }
})

/** Connects to a Redis that does not answer the first connection in time. */
async function connectLate(t: TestContext, credentials = ''): Promise<RedisConnection> {
  const line = await startTcpSwitch(Number(new URL(redis.url).port))
  t.after(() => line.stop())
  line.withhold()
  const url = `redis://${credentials}127.0.0.1:${line.port}`
  const connecting = connectRedis({ url, deadlineMs: DEADLINE_MS }, quiet)
  await line.closed()
  line.deliver()
  return connecting
}

test('a node waits for a Redis that answers, but was too slow for the first connection', async (t) => {
  const late = await connectLate(t)
  t.after(late.close)
  await until('the node is connected', () => late.run('', (client) => client.ping()).catch(() => undefined))
})

test('a wrong password also fails the first attempt if Redis was too slow at first', async (t) => {
  await assert.rejects(connectLate(t, 'app:wrong@'), /WRONGPASS/)
})

test('a node waits for a Redis that is at maxclients', async () => {
  await redis.inspector.configSet('maxclients', '1')
  let late: RedisConnection
  try {
    late = await connectRedis({ url: redis.url, deadlineMs: DEADLINE_MS }, quiet)
    await assert.rejects(
      late.run('', (client) => client.ping()),
      RedisDisconnected,
    )
  } finally {
    await redis.inspector.configSet('maxclients', '1000')
  }
  const isIn = () =>
    late
      .run('', (client) => client.ping())
      .then(
        () => true,
        () => false,
      )
  await untilWithin(3_000, 'Redis accepts another client', isIn)
  await late.close()
})

test('after close, calls fail and do not reconnect', async () => {
  const other = await connectRedis({ url: redis.url, deadlineMs: PATIENT_MS }, quiet)
  await other.close()
  await assert.rejects(
    other.run('', (client) => client.ping()),
    RedisUnavailable,
  )
})

test('an error in a listener replaces the connection, so no command gets the reply of another one', async (t) => {
  const other = await connectRedis({ url: redis.url, deadlineMs: PATIENT_MS }, quiet)
  t.after(other.close)
  let errors = 0
  await other.subscribe('faulty', {
    onSubscribing() {},
    onMessage() {
      errors++
      throw new Error('a fault of a listener')
    },
    onSubscribed() {},
  })
  // Its reply comes directly behind the message.
  await other.run('', (client) => client.publish('faulty', 'x')).catch(() => {})
  await until('the listener has failed', () => errors > 0)
  const echo = (text: string) => other.run('', (client) => client.echo(text))
  const texts = Array.from({ length: 20 }, (_, number) => `${number}`)
  const echoAll = () => Promise.all(texts.map((text) => echo(text).catch(() => 'rejected')))
  for (const [place, answer] of (await echoAll()).entries()) assert.ok([texts[place], 'rejected'].includes(answer))
  await until('all commands are answered', async () => (await echoAll()).join() === texts.join())
})

test('a subscription that misses its deadline is repeated on another connection', async (t) => {
  const other = await connectRedis({ url: redis.url, deadlineMs: DEADLINE_MS }, quiet)
  t.after(other.close)
  let isSubscribed = false
  redis.pause()
  const subscribing = other.subscribe('late', {
    onSubscribing() {},
    onMessage() {},
    onSubscribed() {
      isSubscribed = true
    },
  })
  await assert.rejects(subscribing, RedisUnavailable).finally(() => redis.resume())
  await until('the subscriber knows that it is subscribed', () => isSubscribed)
})
