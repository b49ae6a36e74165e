import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { hash } from '@node-rs/argon2'
import { readAccounts } from 'app/users/users'
import { cookieOf, getUser, logIn } from '../support/http.ts'
import { runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { newAccount, startTestNode } from '../support/test-node.ts'
import { twoNodes } from '../support/two-nodes.ts'
import { until } from '../support/until.ts'

let redis: TestRedis
before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

test('6.3.1: after five failures across both nodes, even the correct password is 429 until the window has passed', async (t) => {
  const { logInAs, password } = await twoNodes(t, redis, 'guessed', { windowSeconds: 5 })
  for (let guess = 0; guess < 5; guess++) assert.equal((await logInAs(`guess ${guess}`)).status, 401)
  for (let node = 0; node < 2; node++) {
    const refused = await logInAs(password)
    assert.equal(refused.status, 429)
    assert.match(refused.headers.get('Retry-After') ?? '', /^[1-5]$/)
    assert.deepEqual(refused.headers.getSetCookie(), [])
  }
  await until('the failure count has expired', async () => (await logInAs(password)).status === 200)
})

test('6.3.1: a successful login resets the failure count', async (t) => {
  const { logInAs, password } = await twoNodes(t, redis, 'forgetful')
  for (let round = 0; round < 3; round++) {
    for (let guess = 0; guess < 4; guess++) assert.equal((await logInAs('mistyped')).status, 401)
    assert.equal((await logInAs(password)).status, 200)
  }
})

test('6.3.1: of forty concurrent guesses at most five are checked, and the rest do not reveal the correct password', async (t) => {
  const { logInAs, password } = await twoNodes(t, redis, 'hurried')
  const guesses = [...Array.from({ length: 39 }, (_, guess) => `guess ${guess}`), password]
  const statuses = (await Promise.all(guesses.map((guess) => logInAs(guess)))).map(({ status }) => status)
  const told = statuses.filter((status) => status === 401 || status === 200)
  assert.ok(told.length > 0 && told.length <= 5, statuses.join())
  assert.ok(!told.includes(200))
  // Rejected without checking the password. 503 if this machine is too slow to check the others in time.
  assert.ok(statuses.every((status) => [401, 429, 503].includes(status)))
})

test('6.3.1: one password tried on many accounts is throttled by address', async (t) => {
  const { logInAs } = await twoNodes(t, redis, 'sprayed', { maxFailuresPerAddress: 7 })
  const statuses: number[] = []
  for (let account = 0; account < 10; account++) statuses.push((await logInAs('password1', `user-${account}`)).status)
  assert.deepEqual(statuses, [...Array(7).fill(401), 429, 429, 429])
})

test('6.3.1: a successful login resets the failures with its own account only, not those of its address', async (t) => {
  const { logInAs, password } = await twoNodes(t, redis, 'turncoat', { maxFailuresPerAddress: 4 })
  for (let account = 0; account < 3; account++)
    assert.equal((await logInAs('password1', `victim-${account}`)).status, 401)
  assert.equal((await logInAs(password)).status, 200)
  assert.equal((await logInAs('password1', 'victim-3')).status, 401)
  assert.equal((await logInAs('password1', 'victim-4')).status, 429)
})

test('6.3.1: Redis contains neither a typed user name nor a typed password', async (t) => {
  const { logInAs } = await twoNodes(t, redis, 'private')
  await logInAs('typed as a password', 'typed-as-a-name')
  const keys = await redis.inspector.keys('*')
  assert.ok(keys.some((key) => key.startsWith('login-counts:')))
  assert.ok(!keys.join().includes('typed'))
})

test('11.4.2: passwords are stored as argon2id with at least 19 MiB, two passes and a unique salt', async () => {
  const accounts = await readAccounts(new URL('../../../app/demo-users.json', import.meta.url))
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

test('7.2.1, 7.2.3: the tokens of 10,000 logins are unique and well-formed, and only the server can validate them', async (t) => {
  // The normal login path with a very cheap password hash.
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
    // Fewer concurrent logins than the password queue holds.
    for (let first = 0; first < accounts.length; first += 25) {
      const responses = await Promise.all(
        accounts.slice(first, first + 25).map(({ username }) =>
          until('the login succeeds', async () => {
            const response = await logIn(node.url, { username, password: 'in a hurry' })
            // 503 on a machine that is too busy to check the passwords in time.
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
  // No duplicates, and no fixed bit: each of the 64 letters appears about equally often.
  const letters = [...tokens].map((token) => token.slice(4, 46)).join('')
  const counts = new Map<string, number>()
  for (const letter of letters) counts.set(letter, (counts.get(letter) ?? 0) + 1)
  assert.equal(counts.size, 64)
  const expected = letters.length / 64
  for (const [letter, count] of counts) assert.ok(Math.abs(count / expected - 1) < 0.1, `${letter}: ${count}`)

  const [good = ''] = [...tokens].slice(-1)
  assert.equal((await getUser(node.url, good)).status, 200)
  // With one bit changed, the token is invalid. Only the store can validate a token.
  const other = good.slice(0, 20) + (good[20] === 'A' ? 'B' : 'A') + good.slice(21)
  assert.equal((await getUser(node.url, other)).status, 401)
})

/** A node that checks one password at a time and trusts the address from its proxy. */
async function startOneByOne(t: TestContext, settings: Record<string, string> = {}) {
  const node = runNode('server', {
    REDIS_URL: redis.url,
    TRUST_PROXY_HOPS: '1',
    LOGINS_PER_MINUTE: '1000000',
    LOGINS_PER_MINUTE_ADDRESS: '1000000',
    ...settings,
  })
  t.after(() => node.signal('SIGKILL'))
  const { url } = await node.listening()
  return (username: string, password: string, address: string) =>
    logIn(url, { username, password }, { 'X-Forwarded-For': address })
}

for (const [who, address] of [
  ['another client', '192.0.2.201'],
  ['another account of the same client', '192.0.2.200'],
] as const) {
  test(`11.4.2: a login of ${who} overtakes the queue of a client with 120 concurrent logins`, async (t) => {
    const logInAs = await startOneByOne(t)
    await logInAs('ada', 'analytical-engine', '192.0.2.199')
    let answered = 0
    const flood = Array.from({ length: 120 }, async () => {
      const { status } = await logInAs('ada', 'analytical-engine', '192.0.2.200')
      if (status === 200) answered++
      return status
    })
    await until('the flood has started', () => answered > 0)
    const before = answered
    const { status } = await logInAs('grace', 'nanosecond', address)
    const overtaken = answered - before
    t.diagnostic(`${overtaken} logins of the flood were answered first`)
    assert.equal(status, 200)
    // The login being checked, the next one, and a few whose responses are in transit.
    assert.ok(overtaken <= 6, `${overtaken} logins of the flood were answered first`)
    const statuses = await Promise.all(flood)
    assert.deepEqual([...new Set(statuses)].sort(), [200, 503], 'excess logins are 503')
  })
}

test('11.4.2: successful logins have a budget per account and address, and one per address, shared by all nodes', async (t) => {
  const { logInAs, password } = await twoNodes(t, redis, 'busy', { maxLoginsPerMinute: 4 })
  const decided = () =>
    until('the password is checked or the login is throttled', async () => {
      const answer = await logInAs(password)
      // 503 on a machine that is too busy to check it in time. It uses no budget.
      return answer.status === 503 ? undefined : answer
    })
  const answers = await Promise.all(Array.from({ length: 10 }, decided))
  assert.equal(answers.filter(({ status }) => status === 200).length, 4)
  for (const answer of answers.filter(({ status }) => status !== 200)) {
    assert.equal(answer.status, 429)
    const seconds = Number(answer.headers.get('Retry-After'))
    assert.ok(seconds >= 1 && seconds <= 60, `${seconds}`)
  }
  assert.equal((await logInAs('wrong')).status, 429, 'a wrong password gets the same response')
  const everywhere = await twoNodes(t, redis, 'busier', { maxLoginsPerMinuteAndAddress: 3 })
  for (let login = 0; login < 3; login++) assert.equal((await everywhere.logInAs(everywhere.password)).status, 200)
  assert.equal((await everywhere.logInAs('whatever', 'another')).status, 429)
})

test('11.4.2: at most 30 of 120 logins a minute succeed at once; the next succeed a quarter of a minute later', async (t) => {
  const { logInAs, password } = await twoNodes(t, redis, 'sudden', { maxLoginsPerMinute: 120 })
  for (let login = 0; login < 30; login++) assert.equal((await logInAs(password)).status, 200)
  const refused = await logInAs(password)
  assert.equal(refused.status, 429)
  const seconds = Number(refused.headers.get('Retry-After'))
  assert.ok(seconds >= 1 && seconds <= 15, `${seconds}`)
})
