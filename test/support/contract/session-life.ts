import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cookieOf, logOut } from '../http.ts'
import { get, read } from './answers.ts'
import type { TwoNodes } from './two-nodes.ts'

/** From login to logout, on both nodes. */
export function declareSessionLife(pair: () => TwoNodes): void {
  test('a login returns the user, the session, the serving node, and an HttpOnly, SameSite=Lax cookie', async () => {
    const { left, logInAs, userOf } = pair()
    const response = await logInAs(left, 'ann')
    assert.equal(response.status, 200)
    const { user, session, servedBy, node } = await read(response)
    assert.deepEqual(user, userOf('ann'))
    const times = ['createdAt', 'rotatedAt', 'expiresAt', 'absoluteExpiresAt']
    assert.deepEqual(Object.keys(session).sort(), ['createdOn', 'id', 'keyHint', ...times].sort())
    assert.equal(session.createdOn, left.name)
    assert.deepEqual({ servedBy, node }, { servedBy: left.name, node: left.name })
    assert.equal(response.headers.get('Cache-Control'), 'no-store')
    const [cookie = '', ...more] = response.headers.getSetCookie()
    assert.deepEqual(more, [])
    assert.match(cookie, /^sid=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Lax$/)
  })

  test('each node accepts a session created on the other', () => expectShared(pair()))

  test('after logout every node rejects the session, and the cookie is cleared', async () => {
    const { left, right, logInAs } = pair()
    const cookie = cookieOf(await logInAs(left, 'ann'))
    const response = await logOut(right.url, cookie)
    assert.equal(response.status, 204)
    assert.match(response.headers.getSetCookie()[0] ?? '', /^sid=; Path=\/; Expires=Thu, 01 Jan 1970/)
    for (const node of [left, right]) assert.equal((await get(node, '/api/user', cookie)).status, 401)
  })

  test('a logout without a session succeeds', async () => {
    const { left } = pair()
    assert.equal((await logOut(left.url)).status, 204)
  })
}

/** What a stack without a shared store cannot do. */
export async function expectShared({ left, right, logInAs, userOf }: TwoNodes): Promise<void> {
  const cookie = cookieOf(await logInAs(left, 'ann'))
  const response = await get(right, '/api/user', cookie)
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('X-Served-By'), right.name)
  const { user, session, servedBy } = await read(response)
  assert.deepEqual(user, userOf('ann'))
  assert.equal(session.createdOn, left.name)
  assert.equal(servedBy, right.name)
}
