import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FROM_ELSEWHERE } from '../support/from-elsewhere.ts'
import { cookieOf, getUser, logIn, send } from '../support/http.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { newAccount, startTestNode, type TestNode } from '../support/test-node.ts'

// 3.5.1 and 3.5.3 against one node: the protection does not depend on nginx.
let redis: TestRedis
let node: TestNode
let password: string
before(async () => {
  redis = await startTestRedis()
  const owner = await newAccount('owner')
  password = owner.password
  node = await startTestNode(redis.url, { name: 'app-1', accounts: [owner.account] })
})
after(async () => {
  await node.stop()
  await redis.stop()
})

const logInAs = async () => cookieOf(await logIn(node.url, { username: 'owner', password }))

for (const headers of [
  { 'Sec-Fetch-Site': 'cross-site' },
  { 'Sec-Fetch-Site': 'same-site' },
  { Origin: 'null' },
  { Origin: 'http://evil.example' },
]) {
  test(`a logout and a login with ${JSON.stringify(headers)} are 403 and change nothing`, async () => {
    const cookie = await logInAs()
    for (const [path, body] of [
      ['/auth/logout', {}],
      ['/auth/login', { username: 'owner', password }],
    ] as const) {
      const response = await send(node.url, path, { method: 'POST', json: body, cookie, headers })
      assert.equal(response.status, 403)
      assert.match(response.headers.get('Content-Type') ?? '', /problem\+json/)
      assert.deepEqual(response.headers.getSetCookie(), [])
    }
    assert.equal((await getUser(node.url, cookie)).status, 200)
  })
}

test('3.5.2: a login must be JSON: every content type that a page of another site can send is 415', async () => {
  const cookie = await logInAs()
  // These need no preflight request: https://fetch.spec.whatwg.org/#cors-safelisted-request-header
  for (const type of [
    ...['text/plain', 'text/plain;charset=UTF-8', 'text/plain; application/json', 'text/json', ''],
    ...['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'],
  ]) {
    for (const headers of [{}, { Cookie: cookie }]) {
      const response = await fetch(`${node.url}/auth/login`, {
        method: 'POST',
        // Bytes, because fetch adds a content type to a string.
        body: new TextEncoder().encode(JSON.stringify({ username: 'owner', password })),
        headers: { ...headers, ...(type === '' ? {} : { 'Content-Type': type }) },
      })
      assert.equal(response.status, 415, type)
      assert.deepEqual(response.headers.getSetCookie(), [], type)
    }
  }
  assert.equal((await getUser(node.url, cookie)).status, 200)
})

test('requests of the page itself and of programs other than browsers are accepted', async () => {
  for (const headers of [
    {},
    { 'Sec-Fetch-Site': 'same-origin', Origin: node.url },
    { 'Sec-Fetch-Site': 'none' },
    { Origin: node.url },
  ]) {
    const cookie = await logInAs()
    assert.equal((await send(node.url, '/auth/logout', { method: 'POST', cookie, headers })).status, 204)
    assert.equal((await getUser(node.url, cookie)).status, 401)
  }
})

test('a read of /api or /auth by a page of another origin is 403 and does not extend the session', async () => {
  const cookie = await logInAs()
  for (const headers of FROM_ELSEWHERE) {
    for (const path of ['/api/user', '/api/sessions', '/api/cluster', '/api/events', '/api/nothing', '/auth/login']) {
      for (const method of ['GET', 'HEAD', 'OPTIONS']) {
        const response = await send(node.url, path, { method, cookie, headers })
        assert.equal(response.status, 403, `${method} ${path} ${JSON.stringify(headers)}`)
        assert.deepEqual(response.headers.getSetCookie(), [])
        assert.equal(response.headers.get('Access-Control-Allow-Origin'), null)
        await response.body?.cancel()
      }
    }
  }
  assert.equal((await getUser(node.url, cookie)).status, 200)
})

test('links from other sites, typed addresses, the page itself and programs may read', async () => {
  const cookie = await logInAs()
  for (const headers of FROM_ELSEWHERE) {
    for (const path of ['/', '/style.css']) {
      const response = await send(node.url, path, { headers })
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('Cross-Origin-Resource-Policy'), 'same-origin')
      assert.equal(response.headers.get('Access-Control-Allow-Origin'), null)
    }
  }
  for (const headers of [
    {},
    { 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Dest': 'empty' },
    { 'Sec-Fetch-Site': 'none', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' },
  ]) {
    assert.equal((await send(node.url, '/api/user', { cookie, headers })).status, 200)
  }
})
