import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ThrottleOptions } from '../../src/users/login-throttle.ts'
import { hashPassword } from '../../src/users/users.ts'
import { cookieOf, getUser, post } from '../lib/http.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'
import { startTestNode } from '../lib/test-node.ts'

const PASSWORD = 'Crème brûlée'.normalize('NFC')
const ACCENTS_APART = PASSWORD.normalize('NFD')
let redis: TestRedis

before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

async function withNode(
  use: (logIn: (username: string, password: string) => Promise<Response>, url: string) => Promise<void>,
  { hashed = PASSWORD, throttle = {} }: { hashed?: string; throttle?: Partial<ThrottleOptions> } = {},
): Promise<void> {
  const account = { username: 'zoe', displayName: 'Zoë', passwordHash: await hashPassword(hashed) }
  const node = await startTestNode(redis.url, { name: 'typed', accounts: [account], throttle })
  try {
    await use((username, password) => post(node.url, '/auth/login', { username, password }), node.url)
  } finally {
    await node.stop()
    await redis.inspector.flushAll()
  }
}

test('a user name is accepted in any case and with spaces around it, and the session has it as the account file does', () =>
  withNode(async (logIn, url) => {
    for (const typed of ['zoe', 'Zoe', 'ZOE', 'zoe ', ' zoe', '\tZoe\u00a0']) {
      const response = await logIn(typed, PASSWORD)
      assert.equal(response.status, 200, JSON.stringify(typed))
      const answer = await (await getUser(url, cookieOf(response))).text()
      assert.match(answer, /"user":\{"username":"zoe","displayName":"Zoë"\}/)
    }
    assert.equal((await logIn('z oe', PASSWORD)).status, 401)
  }))

test('a disabled account is disabled under every spelling of its name', () =>
  withNode(async (logIn) => {
    await redis.inspector.sAdd('disabled-users', 'zoe')
    for (const typed of ['zoe', 'Zoe', ' zoe ']) assert.equal((await logIn(typed, PASSWORD)).status, 401)
  }))

for (const hashed of [PASSWORD, ACCENTS_APART]) {
  const form = hashed === PASSWORD ? 'composed' : 'combining'
  test(`a password set with ${form} accents is accepted with composed and with combining ones, and nothing else is`, () =>
    withNode(
      async (logIn) => {
        for (const typed of [PASSWORD, ACCENTS_APART, PASSWORD.replace(' ', '\u00a0')])
          assert.equal((await logIn('zoe', typed)).status, 200)
        for (const typed of [PASSWORD.toLowerCase(), ` ${PASSWORD}`, `${PASSWORD} `, 'Creme brulee'])
          assert.equal((await logIn('zoe', typed)).status, 401)
      },
      { hashed },
    ))
}

test('6.3.1: other spellings of a user name give no more guesses', () =>
  withNode(
    async (logIn) => {
      for (const typed of ['zoe', 'Zoe', 'zOe', ' zoe', 'zoe\u00a0'])
        assert.equal((await logIn(typed, 'a guess')).status, 401)
      for (const typed of ['zoe', 'ZOE', 'zoE ']) assert.equal((await logIn(typed, PASSWORD)).status, 429)
    },
    { throttle: { maxFailures: 5 } },
  ))

test('the limits of length are those of the normalized name and password', () =>
  withNode(async (logIn) => {
    assert.equal((await logIn(`  ${'a'.repeat(64)}  `, 'a guess')).status, 401)
    assert.equal((await logIn('zoe', 'e\u0301'.repeat(256))).status, 401)
    assert.equal((await logIn('a'.repeat(65), 'a guess')).status, 400)
    assert.equal((await logIn('zoe', 'e\u0301'.repeat(257))).status, 400)
    for (const nothing of ['', '  ', '\u3000']) assert.equal((await logIn(nothing, 'a guess')).status, 400)
    assert.equal((await logIn('zoe', '')).status, 400)
  }))
