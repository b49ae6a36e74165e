import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { connectRedis } from 'app/redis/connect'
import type { RedisConnection } from 'app/redis/connection'
import { LoginThrottled } from 'app/users/login-limit'
import { createLoginThrottle } from 'app/users/login-throttle'
import { lastingPort } from '../support/lasting-port.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { startTcpSwitch } from '../support/tcp-switch.ts'
import { PATIENT, quiet } from '../support/test-node.ts'
import { until } from '../support/until.ts'

let redis: TestRedis
let connections: RedisConnection[]
before(async () => {
  redis = await startTestRedis()
  const connect = () => connectRedis({ url: redis.url, deadlineMs: 10_000 }, quiet)
  connections = [await connect(), await connect()]
})
after(async () => {
  await Promise.all(connections.map((connection) => connection.close()))
  await redis.stop()
})

let addresses = 0

/** The throttles of two nodes, and an attempt that no other test makes. */
function twoThrottles(options: Partial<typeof PATIENT>) {
  const [left, right] = connections.map((connection) => createLoginThrottle(connection, { ...PATIENT, ...options }))
  if (!left || !right) throw new Error('not connected')
  return { left, right, attempt: { username: 'ada', address: `192.0.2.${++addresses}` } }
}

const LIMITS = [
  ['failures with one account', { maxFailures: 5 }],
  ['failures of one address', { maxFailuresPerAddress: 5 }],
  ['logins with one account', { maxLoginsPerMinute: 5 }],
  ['logins of one address', { maxLoginsPerMinuteAndAddress: 5 }],
] as const

for (const [what, options] of LIMITS) {
  test(`6.3.1: of twenty checks that begin at once on two nodes, as many begin as ${what} are allowed`, async () => {
    const { left, right, attempt } = twoThrottles(options)
    const begun = await Promise.all(
      Array.from({ length: 10 }, () => [left.begin(attempt), right.begin(attempt)]).flat(),
    )
    const checks = begun.filter((check) => check !== undefined)
    assert.equal(checks.length, 5)
    assert.equal(await left.begin(attempt), undefined, 'their outcome decides')
    await Promise.all(checks.map((check) => check.abandoned()))
    assert.ok(await right.begin(attempt), 'a check that was abandoned leaves its place')
  })
}

test('6.3.1: a check that fails keeps its place, so there is no moment in which another check could begin', async () => {
  const { left, right, attempt } = twoThrottles({ maxFailures: 1 })
  const check = await left.begin(attempt)
  const trying = Array.from({ length: 50 }, () => right.begin(attempt).catch((error: unknown) => error))
  const [found] = await Promise.all([Promise.all(trying), check?.failed()])
  assert.ok(found.every((one) => one === undefined || one instanceof LoginThrottled))
  await assert.rejects(right.begin(attempt), LoginThrottled)
})

test('6.3.1: while one limit is reached, a check takes no place of the other', async () => {
  const { left, attempt } = twoThrottles({ maxFailures: 1, maxFailuresPerAddress: 2 })
  await (await left.begin(attempt))?.failed()
  for (let guess = 0; guess < 3; guess++) await assert.rejects(left.begin(attempt), LoginThrottled)
  const other = { ...attempt, username: 'grace' }
  assert.ok(await left.begin(other), 'the address has one place left')
})

test('a check that is abandoned while Redis is away gives its place back when Redis is there again', async (t) => {
  const port = Number(new URL(redis.url).port)
  const link = await startTcpSwitch(port)
  t.after(() => link.stop())
  const connection = await connectRedis({ url: `redis://127.0.0.1:${link.port}`, deadlineMs: 10_000 }, quiet)
  t.after(connection.close)
  const throttle = createLoginThrottle(connection, { ...PATIENT, maxFailures: 1 })
  const attempt = { username: 'ada', address: `192.0.2.${++addresses}` }
  const check = await throttle.begin(attempt)
  link.turnTo(await lastingPort())
  link.cut()
  await until('there is no connection', () => throttle.begin(attempt).then(() => false, Boolean))
  await check?.abandoned()
  link.turnTo(port)
  await until('another check begins', () => throttle.begin(attempt).catch(() => undefined))
})

test('a check is not counted for longer because others begin', async () => {
  const { left, attempt } = twoThrottles({ maxFailures: 5 })
  const before = new Set(await redis.inspector.keys('login-counts:*'))
  await left.begin(attempt)
  const [key = ''] = (await redis.inspector.keys('login-counts:*')).filter((one) => !before.has(one))
  const ends = await redis.inspector.pExpireTime(key)
  await until('a millisecond has passed', async () => Date.now() > ends - 60_000 + 1)
  const second = await left.begin(attempt)
  assert.equal(await redis.inspector.pExpireTime(key), ends)
  await second?.abandoned()
  assert.equal(await redis.inspector.pExpireTime(key), ends, 'the first one is still counted')
})

test('a check reports the time of Redis', async () => {
  const { left, attempt } = twoThrottles({})
  const before = Date.now()
  const check = await left.begin(attempt)
  assert.ok(check && check.startedAt >= before - 1 && check.startedAt <= Date.now() + 1)
})
