import assert from 'node:assert/strict'
import { test } from 'node:test'
import { send } from '../http.ts'
import { assertProblem, JSON_TYPE } from './answers.ts'
import type { TwoNodes } from './two-nodes.ts'

/** Each with its status. */
const INVALID_REQUESTS = [
  ['a body that is not JSON', '/auth/login', { body: '{"username":' }, 400],
  ['an empty body', '/auth/login', { body: '' }, 400],
  ['a JSON body of another shape', '/auth/login', { body: '["ann"]' }, 400],
  ['nested values', '/auth/login', { body: '{"username":{"$gt":""},"password":{"$gt":""}}' }, 400],
  ['a body that sets __proto__', '/auth/login', { body: '{"__proto__":{"username":"ann","password":"x"}}' }, 400],
  ['an over-long user name', '/auth/login', { body: JSON.stringify({ username: 'a'.repeat(65), password: 'x' }) }, 400],
  [
    'a body that is too large',
    '/auth/login',
    { body: JSON.stringify({ username: 'a'.repeat(5000), password: 'x' }) },
    413,
  ],
  [
    'a form',
    '/auth/login',
    { body: 'username=ann', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } },
    415,
  ],
  ['plain text that is JSON', '/auth/login', { body: '{}', headers: { 'Content-Type': 'text/plain' } }, 415],
  [
    'another character set',
    '/auth/login',
    { body: '{}', headers: { 'Content-Type': 'application/json; charset=koi8-r' } },
    415,
  ],
  ['an unknown encoding', '/auth/login', { body: '{}', headers: { 'Content-Encoding': 'x-pack' } }, 415],
  ['a path that cannot be decoded', '/api/sessions/%zz', { method: 'DELETE' }, 400],
  ['an unknown address', '/nowhere', { method: 'GET' }, 404],
  ['a known address in capitals', '/API/USER', { method: 'GET' }, 404],
  ['metrics in capitals', '/METRICS', { method: 'GET' }, 404],
  ['an unknown address under a known one', '/api/user/more', { method: 'GET' }, 404],
  ['a dot file', '/.env', { method: 'GET' }, 404],
  ['a way out of the folder', '/..%2fdemo-users.json', { method: 'GET' }, 404],
] as const

/** Each with the methods that the path allows. */
const OTHER_METHODS = [
  ['/auth/login', 'GET', 'POST'],
  ['/auth/logout', 'GET', 'POST'],
  ['/api/user', 'POST', 'GET'],
  ['/api/sessions', 'PUT', 'GET, DELETE'],
  ['/api/sessions/some-id', 'GET', 'DELETE'],
  ['/api/cluster', 'DELETE', 'GET'],
  ['/livez', 'POST', 'GET'],
  ['/', 'POST', 'GET'],
] as const

/** Requests that no route accepts. */
export function declareInvalidRequests(pair: () => TwoNodes): void {
  for (const [what, path, init, status] of INVALID_REQUESTS) {
    test(`${what} is ${status} with a problem body`, async () => {
      const { left } = pair()
      const response = await send(left.url, path, {
        method: 'POST',
        ...init,
        headers: { ...JSON_TYPE, ...('headers' in init ? init.headers : {}) },
      })
      await assertProblem(response, status)
    })
  }

  for (const [path, method, allow] of OTHER_METHODS) {
    test(`${method} ${path} is 405 with Allow: ${allow}`, async () => {
      const { left } = pair()
      const response = await send(left.url, path, { method })
      assert.equal(response.headers.get('Allow'), allow)
      await assertProblem(response, 405)
    })
  }
}
