import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FROM_ELSEWHERE } from '../lib/from-elsewhere.ts'
import { cookieOf, getUser, post } from '../lib/http.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'
import { newAccount, startTestNode, type TestNode } from '../lib/test-node.ts'

// 3.5.1 and 3.5.3, against one node: no balancer is needed to keep other sites out.
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

const logIn = async () => cookieOf(await post(node.url, '/auth/login', { username: 'owner', password }))

for (const headers of [
  { 'Sec-Fetch-Site': 'cross-site' },
  { 'Sec-Fetch-Site': 'same-site' },
  { Origin: 'null' },
  { Origin: 'http://evil.example' },
]) {
  test(`a logout and a login with ${JSON.stringify(headers)} are 403 and change nothing`, async () => {
    const cookie = await logIn()
    for (const [path, body] of [
      ['/auth/logout', {}],
      ['/auth/login', { username: 'owner', password }],
    ] as const) {
      const response = await post(node.url, path, body, { Cookie: cookie, ...headers })
      assert.equal(response.status, 403)
      assert.match(response.headers.get('Content-Type') ?? '', /problem\+json/)
      assert.deepEqual(response.headers.getSetCookie(), [])
    }
    assert.equal((await getUser(node.url, cookie)).status, 200)
  })
}

test('3.5.2: a login is taken as JSON only: what a page of another site can send is 415 and logs nobody in', async () => {
  const cookie = await logIn()
  // Without asking this site first: https://fetch.spec.whatwg.org/#cors-safelisted-request-header
  for (const type of [
    ...['text/plain', 'text/plain;charset=UTF-8', 'text/plain; application/json', 'text/json', ''],
    ...['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'],
  ]) {
    for (const headers of [{}, { Cookie: cookie }]) {
      const response = await fetch(`${node.url}/auth/login`, {
        method: 'POST',
        // As bytes: a text would be given a type.
        body: new TextEncoder().encode(JSON.stringify({ username: 'owner', password })),
        headers: { ...headers, ...(type === '' ? {} : { 'Content-Type': type }) },
      })
      assert.equal(response.status, 415, type)
      assert.deepEqual(response.headers.getSetCookie(), [], type)
    }
  }
  assert.equal((await getUser(node.url, cookie)).status, 200)
})

test('the page itself, and a program that is no browser, are let through', async () => {
  for (const headers of [
    {},
    { 'Sec-Fetch-Site': 'same-origin', Origin: node.url },
    { 'Sec-Fetch-Site': 'none' },
    { Origin: node.url },
  ]) {
    const cookie = await logIn()
    assert.equal((await post(node.url, '/auth/logout', {}, { Cookie: cookie, ...headers })).status, 204)
    assert.equal((await getUser(node.url, cookie)).status, 401)
  }
})

test('a page of another origin reads nothing of /api and /auth: 403, and the session does not count as used', async () => {
  const cookie = await logIn()
  for (const headers of FROM_ELSEWHERE) {
    for (const path of ['/api/user', '/api/sessions', '/api/cluster', '/api/events', '/api/nothing', '/auth/login']) {
      for (const method of ['GET', 'HEAD', 'OPTIONS']) {
        const response = await fetch(node.url + path, { method, headers: { Cookie: cookie, ...headers } })
        assert.equal(response.status, 403, `${method} ${path} ${JSON.stringify(headers)}`)
        assert.deepEqual(response.headers.getSetCookie(), [])
        assert.equal(response.headers.get('Access-Control-Allow-Origin'), null)
        await response.body?.cancel()
      }
    }
  }
  assert.equal((await getUser(node.url, cookie)).status, 200)
})

test('others may link to the page, and a typed address, the page itself and a program read what they ask for', async () => {
  const cookie = await logIn()
  for (const headers of FROM_ELSEWHERE) {
    for (const path of ['/', '/style.css']) {
      const response = await fetch(node.url + path, { headers })
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
    assert.equal((await fetch(`${node.url}/api/user`, { headers: { Cookie: cookie, ...headers } })).status, 200)
  }
})
