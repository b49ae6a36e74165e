import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { hash } from '@node-rs/argon2'
import type { ThrottleOptions } from '../../src/users/login-throttle.ts'
import { readAccounts } from '../../src/users/users.ts'
import { cookieOf, getUser, post } from '../lib/http.ts'
import { runNode } from '../lib/program.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'
import { newAccount, startTestNode } from '../lib/test-node.ts'
import { until } from '../lib/until.ts'

let redis: TestRedis
before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

let addresses = 0

/** Two nodes that count failures together, an account and an address that no other test has. */
async function twoNodes(t: TestContext, username: string, throttle: Partial<ThrottleOptions> = {}) {
  const { account, password } = await newAccount(username)
  const standard = { maxFailures: 5, maxFailuresPerAddress: 100_000, windowSeconds: 900 }
  const given = { accounts: [account], throttle: { ...standard, ...throttle }, trustProxyHops: 1 }
  const address = `192.0.2.${++addresses}`
  const nodes = [
    await startTestNode(redis.url, { name: 'left', ...given }),
    await startTestNode(redis.url, { name: 'right', ...given }),
  ]
  t.after(() => Promise.all(nodes.map((node) => node.stop())))
  let turn = 0
  return {
    /** A login at each of the nodes in turn. */
    logIn: (typed: string, as = username) =>
      post(
        nodes[turn++ % nodes.length]?.url ?? '',
        '/auth/login',
        { username: as, password: typed },
        { 'X-Forwarded-For': address },
      ),
    password,
  }
}

test('6.3.1: after five failures, counted over both nodes, even the right password is 429, until the time is over', async (t) => {
  const { logIn, password } = await twoNodes(t, 'guessed', { windowSeconds: 5 })
  for (let guess = 0; guess < 5; guess++) assert.equal((await logIn(`guess ${guess}`)).status, 401)
  for (let node = 0; node < 2; node++) {
    const refused = await logIn(password)
    assert.equal(refused.status, 429)
    assert.match(refused.headers.get('Retry-After') ?? '', /^[1-5]$/)
    assert.deepEqual(refused.headers.getSetCookie(), [])
  }
  await until('the failures are forgotten', async () => (await logIn(password)).status === 200)
})

test('6.3.1: a login forgives the failures before it', async (t) => {
  const { logIn, password } = await twoNodes(t, 'forgetful')
  for (let round = 0; round < 3; round++) {
    for (let guess = 0; guess < 4; guess++) assert.equal((await logIn('mistyped')).status, 401)
    assert.equal((await logIn(password)).status, 200)
  }
})

test('6.3.1: of forty guesses at once no more than five are told that they were wrong, and the right one is not told', async (t) => {
  const { logIn, password } = await twoNodes(t, 'hurried')
  const guesses = [...Array.from({ length: 39 }, (_, guess) => `guess ${guess}`), password]
  const statuses = (await Promise.all(guesses.map((guess) => logIn(guess)))).map(({ status }) => status)
  const told = statuses.filter((status) => status === 401 || status === 200)
  assert.ok(told.length > 0 && told.length <= 5, statuses.join())
  assert.ok(!told.includes(200))
  // Refused without a look at the password; 503 where this machine is too slow to have checked the others in time.
  assert.ok(statuses.every((status) => [401, 429, 503].includes(status)))
})

test('6.3.1: what is throttled is refused without a look at the password, so it costs next to nothing', async (t) => {
  const { logIn } = await twoNodes(t, 'cheap', { maxFailures: 20 })
  const timesOf = async (status: number) => {
    const times: number[] = []
    for (let guess = 0; guess < 20; guess++) {
      const startedAt = performance.now()
      assert.equal((await logIn('a guess')).status, status)
      times.push(performance.now() - startedAt)
    }
    return median(times)
  }
  const [checked, throttled] = [await timesOf(401), await timesOf(429)]
  assert.ok(throttled < checked / 2, `checked in ${checked} ms, throttled in ${throttled} ms`)
})

test('6.3.1: one password tried on many accounts is throttled by address', async (t) => {
  const { logIn } = await twoNodes(t, 'sprayed', { maxFailuresPerAddress: 7 })
  const statuses: number[] = []
  for (let account = 0; account < 10; account++) statuses.push((await logIn('password1', `user-${account}`)).status)
  assert.deepEqual(statuses, [...Array(7).fill(401), 429, 429, 429])
})

test('6.3.1: nothing that was typed is in Redis', async (t) => {
  const { logIn } = await twoNodes(t, 'private')
  await logIn('typed as a password', 'typed-as-a-name')
  const keys = await redis.inspector.keys('*')
  assert.ok(keys.some((key) => key.startsWith('login-failures:')))
  assert.ok(!keys.join().includes('typed'))
})

test('6.3.8: who does not exist and who does take as long to refuse, in the median of 200', async (t) => {
  const { logIn } = await twoNodes(t, 'measured', { maxFailures: 100_000 })
  const times: Record<string, number[]> = { measured: [], nobody: [] }
  // In turn, so that whatever else this machine does meanwhile falls on both.
  for (let attempt = 0; attempt < 200; attempt++) {
    for (const [username, taken] of Object.entries(times)) {
      const startedAt = performance.now()
      const response = await logIn('wrong', username)
      taken.push(performance.now() - startedAt)
      assert.equal(response.status, 401)
    }
  }
  const [known = 0, unknown = 0] = Object.values(times).map(median)
  t.diagnostic(`known ${known.toFixed(1)} ms, unknown ${unknown.toFixed(1)} ms`)
  assert.ok(Math.abs(known / unknown - 1) < 0.1, `known ${known} ms, unknown ${unknown} ms`)
})

test('11.4.2: passwords are kept as argon2id with at least 19 MiB, two passes, and a salt of their own', async () => {
  const accounts = await readAccounts(new URL('../../../demo-users.json', import.meta.url))
  const stored = [...accounts.map(({ passwordHash }) => passwordHash), (await newAccount('new')).account.passwordHash]
  const salts = new Set<string>()
  for (const one of stored) {
    const [, memory, passes, lanes, salt = ''] =
      /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]{22,})\$[^$]{43}$/.exec(one) ?? []
    assert.ok(Number(memory) >= 19_456 && Number(passes) >= 2 && Number(lanes) >= 1, one)
    salts.add(salt)
  }
  assert.ok(accounts.length >= 3)
  assert.equal(salts.size, stored.length)
})

test('7.2.1, 7.2.3: the tokens of 10,000 logins have the shape and none comes twice; the server alone knows which are good', async (t) => {
  // The same path as every login, with a hash that costs nearly nothing.
  const accounts = await Promise.all(
    Array.from({ length: 1_000 }, async (_, number) => ({
      username: `crowd-${number}`,
      displayName: 'One of many',
      passwordHash: await hash('in a hurry', { memoryCost: 8, timeCost: 1, parallelism: 1 }),
    })),
  )
  const node = await startTestNode(redis.url, { name: 'busy', accounts })
  t.after(() => node.stop())
  const tokens = new Set<string>()
  for (let login = 0; login < 10; login++) {
    // Fewer at once than may wait for their password to be checked.
    for (let first = 0; first < accounts.length; first += 25) {
      const responses = await Promise.all(
        accounts.slice(first, first + 25).map(({ username }) =>
          until('it is logged in', async () => {
            const response = await post(node.url, '/auth/login', { username, password: 'in a hurry' })
            // 503 on a machine that is too busy to check them in time.
            return response.status === 200 ? response : undefined
          }),
        ),
      )
      for (const response of responses) {
        await response.arrayBuffer()
        tokens.add(cookieOf(response))
      }
    }
  }
  assert.equal(tokens.size, 10_000)
  for (const token of tokens) assert.match(token, /^sid=[A-Za-z0-9_-]{43}$/)
  // No two alike, and no bit of them is settled: every one of the 64 letters turns up about as often.
  const letters = [...tokens].map((token) => token.slice(4, 46)).join('')
  const counts = new Map<string, number>()
  for (const letter of letters) counts.set(letter, (counts.get(letter) ?? 0) + 1)
  assert.equal(counts.size, 64)
  const expected = letters.length / 64
  for (const [letter, count] of counts) assert.ok(Math.abs(count / expected - 1) < 0.1, `${letter}: ${count}`)

  const [good = ''] = [...tokens].slice(-1)
  assert.equal((await getUser(node.url, good)).status, 200)
  // One bit of it is another: nothing in a token can be checked without asking the store.
  const other = good.slice(0, 20) + (good[20] === 'A' ? 'B' : 'A') + good.slice(21)
  assert.equal((await getUser(node.url, other)).status, 401)
})

test('11.4.2: a flood of logins starves no session, and what is too much is told to come back', async (t) => {
  const node = runNode('server', { REDIS_URL: redis.url, LOGIN_FAILURES: '1000000', LOGIN_FAILURES_ADDRESS: '1000000' })
  t.after(() => node.signal('SIGKILL'))
  const { port } = await node.line(({ msg }) => msg === 'Listening')
  const url = `http://127.0.0.1:${port}`
  const cookie = await until('ada is logged in', async () =>
    cookieOf(await post(url, '/auth/login', { username: 'ada', password: 'analytical-engine' })),
  )

  async function p95Of(requests: number): Promise<number> {
    const taken: number[] = []
    for (let asked = 0; asked < requests; asked++) {
      const startedAt = performance.now()
      const response = await getUser(url, cookie)
      await response.arrayBuffer()
      assert.equal(response.status, 200)
      taken.push(performance.now() - startedAt)
    }
    return taken.sort((a, b) => a - b)[Math.floor(0.95 * taken.length)] ?? 0
  }

  await p95Of(200)
  const before = await p95Of(400)
  const statuses = new Map<number, number>()
  let isOver = false
  // Each tries ten times a second: together many times what any machine checks.
  const flood = Array.from({ length: 60 }, async () => {
    while (!isOver) {
      const response = await post(url, '/auth/login', { username: 'ada', password: 'wrong' })
      await response.arrayBuffer()
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
      await sleep(100)
    }
  })
  let during: number
  try {
    await until('more logins wait than are served', () => statuses.has(503))
    during = await p95Of(400)
  } finally {
    isOver = true
    await Promise.all(flood)
  }
  const ratio = (during / before).toFixed(1)
  t.diagnostic(`p95 ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms during, ratio ${ratio}`)
  t.diagnostic(`logins ${JSON.stringify(Object.fromEntries(statuses))}`)
  assert.ok((statuses.get(401) ?? 0) > 20, 'passwords are checked meanwhile')
  assert.deepEqual([...statuses.keys()].sort(), [401, 503])
  assert.ok(during < 100, `p95 during the flood: ${during} ms`)
})

/** A node that checks one password at a time, and believes the address that its proxy names. */
async function startOneByOne(t: TestContext, settings: Record<string, string> = {}) {
  const node = runNode('server', { REDIS_URL: redis.url, TRUST_PROXY_HOPS: '1', ...settings })
  t.after(() => node.signal('SIGKILL'))
  const { port } = await node.line(({ msg }) => msg === 'Listening')
  return (username: string, password: string, address: string) =>
    post(`http://127.0.0.1:${port}`, '/auth/login', { username, password }, { 'X-Forwarded-For': address })
}

for (const [who, address] of [
  ['another client', '192.0.2.201'],
  ['another account of the same client', '192.0.2.200'],
] as const) {
  test(`11.4.2: of 120 good logins at once by one client few come before the one of ${who}`, async (t) => {
    const logIn = await startOneByOne(t)
    await logIn('ada', 'analytical-engine', '192.0.2.199')
    let answered = 0
    const flood = Array.from({ length: 120 }, async () => {
      const { status } = await logIn('ada', 'analytical-engine', '192.0.2.200')
      if (status === 200) answered++
      return status
    })
    await until('the flood is being served', () => answered > 0)
    const before = answered
    const { status } = await logIn('grace', 'nanosecond', address)
    const overtaken = answered - before
    t.diagnostic(`${overtaken} logins of the flood were answered in between`)
    assert.equal(status, 200)
    // The one that is being checked, the one whose turn is next, and as many whose answers are on their way.
    assert.ok(overtaken <= 6, `${overtaken} came first`)
    const statuses = await Promise.all(flood)
    assert.deepEqual([...new Set(statuses)].sort(), [200, 503], 'what is too much is told to come back')
  })
}

test('11.4.2: successful logins have a budget for each account and address, and one for each address; both on all nodes', async (t) => {
  const { logIn, password } = await twoNodes(t, 'busy', { maxLoginsPerMinute: 4 })
  const answers = await Promise.all(Array.from({ length: 10 }, () => logIn(password)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 4)
  for (const answer of answers.filter(({ status }) => status !== 200)) {
    assert.equal(answer.status, 429)
    const seconds = Number(answer.headers.get('Retry-After'))
    assert.ok(seconds >= 1 && seconds <= 60, `${seconds}`)
  }
  assert.equal((await logIn('wrong')).status, 429, 'a wrong password gets the same answer')
  const everywhere = await twoNodes(t, 'busier', { maxLoginsPerMinuteAndAddress: 3 })
  for (let login = 0; login < 3; login++) assert.equal((await everywhere.logIn(everywhere.password)).status, 200)
  assert.equal((await everywhere.logIn('whatever', 'another')).status, 429)
})

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
