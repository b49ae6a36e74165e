import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ThrottleOptions } from 'app/users/login-throttle'
import { hashPassword } from 'app/users/users'
import { cookieOf, getUser, logIn } from '../support/http.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { startTestNode } from '../support/test-node.ts'

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
    await use((username, password) => logIn(node.url, { username, password }), node.url)
  } finally {
    await node.stop()
    await redis.inspector.flushAll()
  }
}

test('a user name is accepted in any case and with surrounding spaces, and the session has the account file’s spelling', () =>
  withNode(async (logIn, url) => {
    for (const typed of ['zoe', 'Zoe', 'ZOE', 'zoe ', ' zoe', '\tZoe\u00a0']) {
      const response = await logIn(typed, PASSWORD)
      assert.equal(response.status, 200, JSON.stringify(typed))
      const answer = await (await getUser(url, cookieOf(response))).text()
      assert.match(answer, /"user":\{"username":"zoe","displayName":"Zoë"\}/)
    }
    assert.equal((await logIn('z oe', PASSWORD)).status, 401)
  }))

test('a disabled account is disabled for every spelling of its name', () =>
  withNode(async (logIn) => {
    await redis.inspector.sAdd('disabled-users', 'zoe')
    for (const typed of ['zoe', 'Zoe', ' zoe ']) assert.equal((await logIn(typed, PASSWORD)).status, 401)
  }))

for (const hashed of [PASSWORD, ACCENTS_APART]) {
  const form = hashed === PASSWORD ? 'composed' : 'combining'
  test(`a password set with ${form} accents is accepted with composed and combining ones, and no other password is`, () =>
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

test('6.3.1: other spellings of a user name allow no more guesses', () =>
  withNode(
    async (logIn) => {
      for (const typed of ['zoe', 'Zoe', 'zOe', ' zoe', 'zoe\u00a0'])
        assert.equal((await logIn(typed, 'a guess')).status, 401)
      for (const typed of ['zoe', 'ZOE', 'zoE ']) assert.equal((await logIn(typed, PASSWORD)).status, 429)
    },
    { throttle: { maxFailures: 5 } },
  ))

test('the length limits apply to the normalized name and password', () =>
  withNode(async (logIn) => {
    assert.equal((await logIn(`  ${'a'.repeat(64)}  `, 'a guess')).status, 401)
    assert.equal((await logIn('zoe', 'e\u0301'.repeat(256))).status, 401)
    assert.equal((await logIn('a'.repeat(65), 'a guess')).status, 400)
    assert.equal((await logIn('zoe', 'e\u0301'.repeat(257))).status, 400)
    for (const nothing of ['', '  ', '\u3000']) assert.equal((await logIn(nothing, 'a guess')).status, 400)
    assert.equal((await logIn('zoe', '')).status, 400)
  }))
