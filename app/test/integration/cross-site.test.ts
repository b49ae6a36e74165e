import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
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

test('reading is nobody’s business to forbid here: the browser keeps the answer from the other page', async () => {
  const cookie = await logIn()
  const headers = { Cookie: cookie, Origin: 'http://evil.example', 'Sec-Fetch-Site': 'cross-site' }
  const response = await fetch(`${node.url}/api/user`, { headers })
  assert.equal(response.headers.get('Access-Control-Allow-Origin'), null)
  assert.equal(response.headers.get('Cross-Origin-Resource-Policy'), 'same-origin')
})
