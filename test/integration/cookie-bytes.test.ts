import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { exchange } from '../support/exchange.ts'
import { logIn } from '../support/http.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { newAccount, startTestNode, type TestNode } from '../support/test-node.ts'

// A node behind a proxy that terminates TLS receives the Cookie bytes that another host of the domain can make a browser send.
let redis: TestRedis
let node: TestNode
let token: string
let logInOverTls: () => Promise<Response>
const TLS = { 'X-Forwarded-Proto': 'https' }

before(async () => {
  redis = await startTestRedis()
  const { account, password } = await newAccount('owner')
  node = await startTestNode(redis.url, { name: 'edge', accounts: [account], trustProxyHops: 1 })
  logInOverTls = () => logIn(node.url, { username: 'owner', password }, TLS)
  const { headers } = await logInOverTls()
  token = /^__Host-sid=([^;]+)/.exec(headers.getSetCookie()[0] ?? '')?.[1] ?? ''
  assert.match(token, /^[\w-]{43}$/)
})
after(async () => {
  await node.stop()
  await redis.stop()
})

/** Sends these header lines unchanged to /api/user and returns the response. Each character is a byte. */
async function answerTo(...lines: string[]): Promise<string> {
  const head = ['GET /api/user HTTP/1.1', 'Host: x', 'Connection: close', 'X-Forwarded-Proto: https', ...lines]
  return exchange(Number(new URL(node.url).port), Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'))
}
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])
const own = () => `__Host-sid=${token}`
const utf8 = (text: string) => Buffer.from(text).toString('latin1')

const LOOK_ALIKES = ['\u00a0', '\u2003', '\u3000', '\ufeff', '\u2028', '\u0085']
  .map(utf8)
  .concat('\xa0', '\x85', '"', '$', '.')

test('over TLS the cookie is HttpOnly, Secure, for this host only and for all paths', async () => {
  const { headers } = await logInOverTls()
  assert.match(headers.getSetCookie()[0] ?? '', /^__Host-sid=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
})

test('a cookie with any byte other than space or tab around its name is not the session cookie', async () => {
  for (const byte of LOOK_ALIKES) {
    for (const name of [`${byte}__Host-sid`, `__Host-sid${byte}`]) {
      // Alone, this cookie authenticates nobody. Beside the real one, it logs nobody out.
      assert.equal(statusOf(await answerTo(`Cookie: ${name}=${token}`)), 401, escape(name))
      assert.equal(statusOf(await answerTo(`Cookie: ${name}=${'f'.repeat(43)}; ${own()}`)), 200, escape(name))
    }
  }
  // Node's parser rejects these before a cookie is read, or passes them on unchanged.
  for (const byte of ['\x01', '\v', '\f', '\x1c', '\x7f']) {
    assert.ok([400, 401].includes(statusOf(await answerTo(`Cookie: ${byte}__Host-sid=${token}`))), escape(byte))
  }
  assert.equal(statusOf(await answerTo(`Cookie: \t __Host-sid\t =\t ${token} \t`)), 200)
})

test('a logout does not end a session whose token is in a cookie of another name', async () => {
  const line = `Cookie: \xa0__Host-sid=${token}`
  const head = ['POST /auth/logout HTTP/1.1', 'Host: x', 'Connection: close', 'X-Forwarded-Proto: https', line]
  const port = Number(new URL(node.url).port)
  assert.match(
    await exchange(port, Buffer.from(`${head.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`, 'latin1')),
    /^HTTP\/1\.1 204 /,
  )
  assert.equal(statusOf(await answerTo(`Cookie: ${own()}`)), 200)
})

test('the rule also holds for quotes, attributes, nameless cookies and a second header, and two cookies of the name are 401', async () => {
  for (const [lines, status] of [
    [[`Cookie: __Host-sid="${token}"`], 401],
    [[`Cookie: $Version=1; ${own()}; $Path=/`], 200],
    [[`Cookie: =${own()}`], 401],
    [[`Cookie: ${token}; __Host-sid; ${own()}`], 200],
    [[`Cookie: sid=${token}; __host-sid=${token}`], 401],
    [['Cookie: theme=dark', `Cookie: ${own()}`], 200],
    [[`Cookie: ;;;=;${own()};;`], 200],
    [[`Cookie: ${'a=b; '.repeat(2_000)}${own()}`], 200],
    [[`Cookie: ${' '.repeat(10_000)}x${' '.repeat(3_000)}; ${own()}`], 200],
  ] as const) {
    assert.equal(statusOf(await answerTo(...lines)), status, lines.join().slice(0, 80))
  }
  // Old browsers send the nameless cookie `__Host-sid=...` like one of that name. The node cannot distinguish them.
  for (const lines of [
    [`Cookie: __Host-sid=${'f'.repeat(43)}; ${own()}`],
    [`Cookie: ${own()}`, `Cookie: __Host-sid=${'f'.repeat(43)}`],
    [`Cookie: __Host-sid=; ${own()}`],
  ]) {
    const answer = await answerTo(...lines)
    assert.equal(statusOf(answer), 401)
    assert.match(answer, /"reason":"ambiguous_cookie"/)
  }
})
