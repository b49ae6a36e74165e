import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cookieOf, send } from '../http.ts'
import { get, read } from './answers.ts'
import type { TwoNodes } from './two-nodes.ts'

/** Users see and end their sessions, and only theirs. */
export function declareOwnSessions(pair: () => TwoNodes): void {
  test('a user lists its sessions, ends one of them, and ends all others', async () => {
    const { left, right, logInAs } = pair()
    const [first, second, third] = [
      cookieOf(await logInAs(left, 'ben')),
      cookieOf(await logInAs(right, 'ben')),
      cookieOf(await logInAs(left, 'ben')),
    ]
    const list = async () => (await read(await get(left, '/api/sessions', third))).sessions
    const sessions = await list()
    assert.equal(sessions.length, 3)
    assert.deepEqual(sessions.map((session) => session.current).filter(Boolean), [true])

    const { session: secondSession } = await read(await get(left, '/api/user', second))
    assert.equal(
      (await send(right.url, `/api/sessions/${secondSession.id}`, { method: 'DELETE', cookie: third })).status,
      204,
    )
    assert.equal((await get(left, '/api/user', second)).status, 401)
    assert.equal((await get(left, '/api/user', first)).status, 200)

    assert.equal((await send(right.url, '/api/sessions', { method: 'DELETE', cookie: third })).status, 204)
    assert.equal((await get(left, '/api/user', first)).status, 401)
    assert.equal((await list()).length, 1)
  })

  test('a user cannot end the session of another user', async () => {
    const { left, logInAs } = pair()
    const cleo = cookieOf(await logInAs(left, 'cleo'))
    const dan = cookieOf(await logInAs(left, 'dan'))
    const { session } = await read(await get(left, '/api/user', cleo))
    assert.equal((await send(left.url, `/api/sessions/${session.id}`, { method: 'DELETE', cookie: dan })).status, 404)
    assert.equal((await get(left, '/api/user', cleo)).status, 200)
  })
}
