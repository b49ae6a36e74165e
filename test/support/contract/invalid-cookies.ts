import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { cookieOf, send } from '../http.ts'
import { assertProblem, get } from './answers.ts'
import type { TwoNodes } from './two-nodes.ts'

/** Each is a value of the Cookie header. */
const INVALID_COOKIES = [
  ['no cookie', ''],
  ['another cookie', 'theme=dark'],
  ['a token of another shape', 'sid=short'],
  ['a token that is too long', `sid=${'a'.repeat(44)}`],
  ['a token with an escape', `sid=${'a'.repeat(42)}%41`],
  ['an unknown token', `sid=${'a'.repeat(43)}`],
  ['an over-long cookie', `sid=${'a'.repeat(8000)}`],
  ['a cookie without a value', 'sid'],
  ['only separators', ';;;=;'],
] as const

/** Cookies that are no session of this application. */
export function declareInvalidCookies(pair: () => TwoNodes): void {
  for (const [what, header] of INVALID_COOKIES) {
    test(`${what} is 401`, async () => {
      const { left } = pair()
      await assertProblem(await get(left, '/api/user', header), 401)
    })
  }

  test('a cookie that does not have the shape of a token is rejected without a Redis command', async () => {
    const { redis, left, logInAs } = pair()
    const own = 'Zz09_-'.repeat(8)
    const others = [
      ...['x', own.slice(0, 42), own.slice(0, 44), 'f'.repeat(64), own.repeat(20)],
      ...['.', '+', '/', '=', '%', '*', '~', ':'].map((odd) => own.slice(0, 42) + odd),
    ]
    const commands = await redis.watch()
    try {
      for (const value of others) {
        for (const [method, path, status] of [
          ['GET', '/api/user', 401],
          ['GET', '/api/sessions', 401],
          ['DELETE', '/api/sessions', 401],
          ['DELETE', '/api/sessions/some-id', 401],
          ['POST', '/auth/logout', 204],
        ] as const) {
          assert.equal(
            (await send(left.url, path, { method, cookie: `sid=${value}` })).status,
            status,
            `${method} ${path} ${value}`,
          )
        }
        assert.equal((await logInAs(left, 'eve', { Cookie: `sid=${value}` })).status, 200)
      }
      const lines = await commands.soFar()
      assert.deepEqual(
        lines.filter((line) => others.some((value) => isAbout(value, line))),
        [],
      )
      // A cookie with the shape of a token sends a command.
      const unknown = own.slice(0, 43)
      assert.equal((await get(left, '/api/user', `sid=${unknown}`)).status, 401)
      assert.ok((await commands.soFar()).some((line) => isAbout(unknown, line)))
    } finally {
      commands.stop()
    }
  })

  test('two session cookies are 401, because the node cannot know which one is its own', async () => {
    const { left, logInAs } = pair()
    const cookie = cookieOf(await logInAs(left, 'eve'))
    assert.equal((await get(left, '/api/user', `theme=dark; ${cookie}`)).status, 200)
    await assertProblem(await get(left, '/api/user', `${cookie}; sid=${'b'.repeat(43)}`), 401)
    await assertProblem(await get(left, '/api/user', `${cookie}; ${cookie}`), 401)
  })
}

/** Whether this command contains the session key of the value, plain or hashed. */
function isAbout(value: string, command: string): boolean {
  const hash = createHash('sha256').update(value).digest('hex')
  return command.includes(`"session:${value}"`) || command.includes(`"session:${hash}"`)
}
