import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cookieOf, logIn } from '../http.ts'
import { get } from './answers.ts'
import type { TwoNodes } from './two-nodes.ts'

/** What a login must not accept from its client, or tell it. */
export function declareLoginSafety(pair: () => TwoNodes): void {
  test('a login ends the session of its request and issues a new token', async () => {
    const { left, right, logInAs } = pair()
    const first = cookieOf(await logInAs(left, 'ann'))
    const second = cookieOf(await logInAs(right, 'ann', { Cookie: first }))
    assert.notEqual(second, first)
    assert.equal((await get(left, '/api/user', first)).status, 401)
    assert.equal((await get(left, '/api/user', second)).status, 200)
  })

  test('a token that the server has not issued is rejected', async () => {
    const { redis, left, logInAs } = pair()
    const own = 'z'.repeat(43)
    const given = cookieOf(await logInAs(left, 'ann', { Cookie: `sid=${own}` }))
    assert.notEqual(given, `sid=${own}`)
    assert.deepEqual(await redis.keys(`*${own}*`), [])
  })

  test('an unknown user name and a wrong password get the same response', async () => {
    const { left, userOf } = pair()
    const answers = []
    for (const credentials of [
      { username: 'nobody', password: 'x' },
      { username: userOf('ann').username, password: 'x' },
    ]) {
      const response = await logIn(left.url, credentials)
      assert.deepEqual(response.headers.getSetCookie(), [])
      answers.push({ status: response.status, body: await response.text() })
    }
    assert.equal(answers[0]?.status, 401)
    assert.deepEqual(answers[0], answers[1])
  })
}
