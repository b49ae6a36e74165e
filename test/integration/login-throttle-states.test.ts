import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { logIn } from '../support/http.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { newAccount, startTestNode } from '../support/test-node.ts'
import { until } from '../support/until.ts'

const MAX_FAILURES = 5
/** Many times the deadline of one command (300 ms here), but short enough to notice a request that hangs. */
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

/** A state of Redis in which no login can succeed. */
const STATES: State[] = [
  { name: 'away', begin: () => redis.kill(), end: () => redis.start() },
  { name: 'full', begin: () => config('maxmemory', '1'), end: () => config('maxmemory', '0') },
  {
    name: 'a read-only replica',
    begin: () => redis.inspector.sendCommand(['REPLICAOF', '127.0.0.1', new URL(primary.url).port]),
    end: () => redis.inspector.sendCommand(['REPLICAOF', 'NO', 'ONE']),
  },
  {
    name: 'without its required replica',
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

/** Two nodes, and an account and a client address that no other test uses. */
async function twoNodes(t: TestContext) {
  const username = `person-${++people}`
  const address = `198.51.100.${people}`
  const { account, password } = await newAccount(username)
  const given = { accounts: [account], throttle: { maxFailures: MAX_FAILURES }, trustProxyHops: 1 }
  const nodes = await Promise.all(
    ['left', 'right'].map((name) => startTestNode(redis.url, { name, deadlineMs: 1_000, ...given })),
  )
  t.after(() => Promise.all(nodes.map((node) => node.stop())))
  let turn = 0

  async function logInAs(typed: string, as = username) {
    const { url = '' } = nodes[turn++ % nodes.length] ?? {}
    const headers = { 'X-Forwarded-For': address }
    const response = await logIn(url, { username: as, password: typed }, headers)
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
  return { logInAs, password, username }
}

/** Everything in a response that a client can see, except what differs between any two requests. */
function visible({ status, headers, text }: { status: number; headers: Headers; text: string }): string {
  const names = [...headers].filter(([name]) => !['date', 'x-request-id', 'x-served-by'].includes(name))
  return JSON.stringify([status, names, text])
}

for (const { name, begin, end } of STATES) {
  test(`6.3.1: with a Redis that is ${name}, correct, wrong and unknown logins get the same response, and no password is checked`, async (t) => {
    const { logInAs, password } = await twoNodes(t)
    assert.equal((await logInAs(password)).status, 200, 'a login succeeds beforehand')
    for (let guess = 0; guess < MAX_FAILURES - 1; guess++) assert.equal((await logInAs('a guess')).status, 401)
    await begin()
    try {
      const startedAt = performance.now()
      const answers: string[] = []
      // Many more than the limit allows, with the correct password before and after the limit.
      for (let round = 0; round < MAX_FAILURES; round++) {
        const attempts = [logInAs(password), logInAs('a guess'), logInAs('a guess', 'nobody')]
        answers.push(...(await Promise.all(attempts)).map(visible))
      }
      assert.deepEqual([...new Set(answers)].length, 1, [...new Set(answers)].join('\n'))
      assert.match(answers[0] ?? '', /^\[503,/)
      assert.ok(performance.now() - startedAt < PATIENCE_MS, 'a request hangs')
    } finally {
      await end()
    }
    // Earlier failures still count. Logins rejected in this state do not count permanently.
    const statusOf = (typed: string) =>
      until(
        'this node uses Redis again',
        async () => {
          const { status } = await logInAs(typed)
          return status === 503 ? undefined : status
        },
        90_000,
      )
    assert.equal(await statusOf('a guess'), 401, 'one guess is left')
    assert.equal(await statusOf(password), 429)
    assert.equal(await statusOf('a guess'), 429)
  })
}

test('6.3.1: an unstable Redis allows no more guesses than a stable one', async (t) => {
  const { logInAs } = await twoNodes(t)
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
      const guesses = Array.from({ length: 4 }, (_, guess) => logInAs(`guess ${round} ${guess}`))
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
