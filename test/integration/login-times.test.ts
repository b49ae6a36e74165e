import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ADA, cookieOf, getUser, logIn } from '../support/http.ts'
import { percentile } from '../support/percentile.ts'
import { runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { twoNodes } from '../support/two-nodes.ts'
import { until } from '../support/until.ts'

// The guarantees of logins that are about time. They are measured while no other test runs: test/runner/plan.ts.
let redis: TestRedis
before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

test('6.3.1: a throttled login is rejected without checking its password, in less than half of the time', async (t) => {
  const { logInAs } = await twoNodes(t, redis, 'cheap', { maxFailures: 20 })
  const timesOf = async (status: number) => {
    const times: number[] = []
    for (let guess = 0; guess < 20; guess++) {
      const startedAt = performance.now()
      assert.equal((await logInAs('a guess')).status, status)
      times.push(performance.now() - startedAt)
    }
    return median(times)
  }
  const [checked, throttled] = [await timesOf(401), await timesOf(429)]
  assert.ok(throttled < checked / 2, `checked in ${checked} ms, throttled in ${throttled} ms`)
})

test('6.3.8: an unknown and a known user name are rejected after the same time (median of 200)', async (t) => {
  const { logInAs } = await twoNodes(t, redis, 'measured', { maxFailures: 100_000 })
  const times: Record<string, number[]> = { measured: [], nobody: [] }
  // Alternately, so other load on this machine affects both equally.
  for (let attempt = 0; attempt < 200; attempt++) {
    for (const [username, taken] of Object.entries(times)) {
      const startedAt = performance.now()
      const response = await logInAs('wrong', username)
      taken.push(performance.now() - startedAt)
      assert.equal(response.status, 401)
    }
  }
  const [known = 0, unknown = 0] = Object.values(times).map(median)
  t.diagnostic(`known ${known.toFixed(1)} ms, unknown ${unknown.toFixed(1)} ms`)
  assert.ok(Math.abs(known / unknown - 1) < 0.1, `known ${known} ms, unknown ${unknown} ms`)
})

test('11.4.2: a flood of logins does not slow requests with a session, and excess logins are 503 with Retry-After', async (t) => {
  const node = runNode('server', { REDIS_URL: redis.url, LOGIN_FAILURES: '1000000', LOGIN_FAILURES_ADDRESS: '1000000' })
  t.after(() => node.signal('SIGKILL'))
  const { url } = await node.listening()
  const cookie = await until('ada is logged in', async () => cookieOf(await logIn(url)))

  async function p95Of(requests: number): Promise<number> {
    const taken: number[] = []
    for (let asked = 0; asked < requests; asked++) {
      const startedAt = performance.now()
      const response = await getUser(url, cookie)
      await response.arrayBuffer()
      assert.equal(response.status, 200)
      taken.push(performance.now() - startedAt)
    }
    return percentile(taken, 0.95)
  }

  await p95Of(200)
  const before = await p95Of(400)
  const statuses = new Map<number, number>()
  let isOver = false
  // Each client tries ten times a second: together many times more than any machine can check.
  const flood = Array.from({ length: 60 }, async () => {
    while (!isOver) {
      const response = await logIn(url, { ...ADA, password: 'wrong' })
      await response.arrayBuffer()
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
      await sleep(100)
    }
  })
  let during: number
  try {
    await until('the login queue is full', () => statuses.has(503))
    during = await p95Of(400)
  } finally {
    isOver = true
    await Promise.all(flood)
  }
  const ratio = (during / before).toFixed(1)
  t.diagnostic(`p95 ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms during, ratio ${ratio}`)
  t.diagnostic(`logins ${JSON.stringify(Object.fromEntries(statuses))}`)
  assert.ok((statuses.get(401) ?? 0) > 20, 'too few passwords were checked')
  assert.deepEqual([...statuses.keys()].sort(), [401, 503])
  assert.ok(during < 100, `p95 during the flood: ${during} ms`)
})

const median = (values: readonly number[]) => percentile(values, 0.5)
