import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { post } from '../lib/http.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'
import { newAccount, startTestNode } from '../lib/test-node.ts'
import { until } from '../lib/until.ts'

const MAX_FAILURES = 5
/** Many times the deadline of one command (300 ms here), few enough to notice a request that hangs. */
const PATIENCE_MS = 10_000

let redis: TestRedis
let primary: TestRedis
before(async () => {
  redis = await startTestRedis()
  primary = await startTestRedis()
})
after(() => Promise.all([redis.stop(), primary.stop()]))

interface State {
  name: string
  begin(): Promise<unknown>
  end(): Promise<unknown>
}

const config = (name: string, value: string) => redis.inspector.configSet(name, value)

/** A Redis in which no login can succeed, of whatever kind. */
const STATES: State[] = [
  { name: 'away', begin: () => redis.kill(), end: () => redis.start() },
  { name: 'full', begin: () => config('maxmemory', '1'), end: () => config('maxmemory', '0') },
  {
    name: 'a read-only replica',
    begin: () => redis.inspector.sendCommand(['REPLICAOF', '127.0.0.1', new URL(primary.url).port]),
    end: () => redis.inspector.sendCommand(['REPLICAOF', 'NO', 'ONE']),
  },
  {
    name: 'without the replica that it must have',
    begin: () => config('min-replicas-to-write', '1'),
    end: () => config('min-replicas-to-write', '0'),
  },
  { name: 'hanging', begin: async () => redis.pause(), end: async () => redis.resume() },
  {
    name: 'slow to write',
    begin: () => redis.inspector.sendCommand(['CLIENT', 'PAUSE', '60000', 'WRITE']),
    end: () => redis.inspector.sendCommand(['CLIENT', 'UNPAUSE']),
  },
  {
    name: 'with another program’s list of disabled accounts',
    begin: () => redis.inspector.set('disabled-users', 'of another program'),
    end: () => redis.inspector.del('disabled-users'),
  },
]

let people = 0

/** Two nodes, an account that nobody else has, and a client with an address of its own. */
async function twoNodes(t: TestContext) {
  const username = `person-${++people}`
  const address = `198.51.100.${people}`
  const { account, password } = await newAccount(username)
  const given = { accounts: [account], throttle: { maxFailures: MAX_FAILURES }, trustProxyHops: 1 }
  const nodes = await Promise.all(['left', 'right'].map((name) => startTestNode(redis.url, { name, ...given })))
  t.after(() => Promise.all(nodes.map((node) => node.stop())))
  let turn = 0

  async function logIn(typed: string, as = username) {
    const { url = '' } = nodes[turn++ % nodes.length] ?? {}
    const headers = { 'X-Forwarded-For': address }
    const response = await post(url, '/auth/login', { username: as, password: typed }, headers)
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
  return { logIn, password, username }
}

/** All that a client can see of an answer, but for what differs between any two requests. */
function visible({ status, headers, text }: { status: number; headers: Headers; text: string }): string {
  const names = [...headers].filter(([name]) => !['date', 'x-request-id', 'x-served-by'].includes(name))
  return JSON.stringify([status, names, text])
}

for (const { name, begin, end } of STATES) {
  test(`6.3.1: with a Redis that is ${name}, right, wrong and unknown get one and the same answer, and no password is checked`, async (t) => {
    const { logIn, password } = await twoNodes(t)
    assert.equal((await logIn(password)).status, 200, 'a login succeeds before')
    for (let guess = 0; guess < MAX_FAILURES - 1; guess++) assert.equal((await logIn('a guess')).status, 401)
    await begin()
    try {
      const startedAt = performance.now()
      const answers: string[] = []
      // Many more than are allowed, and the right password before and after the limit.
      for (let round = 0; round < MAX_FAILURES; round++) {
        const attempts = [logIn(password), logIn('a guess'), logIn('a guess', 'nobody')]
        answers.push(...(await Promise.all(attempts)).map(visible))
      }
      assert.deepEqual([...new Set(answers)].length, 1, [...new Set(answers)].join('\n'))
      assert.match(answers[0] ?? '', /^\[503,/)
      assert.ok(performance.now() - startedAt < PATIENCE_MS, 'no request hangs')
    } finally {
      await end()
    }
    // What was counted before still is, and none of what was refused meanwhile is counted for good.
    const statusOf = (typed: string) =>
      until(
        'this node uses Redis again',
        async () => {
          const { status } = await logIn(typed)
          return status === 503 ? undefined : status
        },
        90_000,
      )
    assert.equal(await statusOf('a guess'), 401, 'one guess is left of those before')
    assert.equal(await statusOf(password), 429)
    assert.equal(await statusOf('a guess'), 429)
  })
}

test('6.3.1: with a Redis that comes and goes, no more guesses are answered than with one that stays', async (t) => {
  const { logIn } = await twoNodes(t)
  const statuses: number[] = []
  let isOver = false
  const flapping = (async () => {
    while (!isOver) {
      await config('maxmemory', '1')
      await new Promise((resolve) => setTimeout(resolve, 20))
      await config('maxmemory', '0')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })()
  try {
    for (let round = 0; round < 30; round++) {
      const guesses = Array.from({ length: 4 }, (_, guess) => logIn(`guess ${round} ${guess}`))
      statuses.push(...(await Promise.all(guesses)).map(({ status }) => status))
    }
  } finally {
    isOver = true
    await flapping
    await config('maxmemory', '0')
  }
  assert.equal(statuses.filter((status) => status === 401).length <= MAX_FAILURES, true, statuses.join())
  assert.ok(statuses.includes(503))
  assert.deepEqual(
    [...new Set(statuses)].filter((status) => ![401, 429, 503].includes(status)),
    [],
  )
})
