import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import { exchange } from '../support/exchange.ts'
import { cookieOf, getUser, logIn, logOut } from '../support/http.ts'
import { runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { newAccount, startTestNode, type TestNode } from '../support/test-node.ts'
import { until } from '../support/until.ts'

const FOREIGN = `sid=${'f'.repeat(43)}`
let redis: TestRedis
let node: TestNode
let password: string

before(async () => {
  redis = await startTestRedis()
  const one = await newAccount('neighbour')
  password = one.password
  node = await startTestNode(redis.url, { name: 'edge', accounts: [one.account], trustProxyHops: 1 })
})
after(async () => {
  await node.stop()
  await redis.stop()
})

const logInAs = (cookie = '') => logIn(node.url, { username: 'neighbour', password }, { Cookie: cookie })
const isHonoured = async (cookie: string) => (await getUser(node.url, cookie)).status === 200

/** The path and domain of each cookie that the response removes. */
function removed(response: Response): string[] {
  return response.headers
    .getSetCookie()
    .filter((line) => /^sid=; Max-Age=0;/.test(line))
    .map((line) => [/Path=([^;]*)/, /Domain=([^;]*)/].map((part) => part.exec(line)?.[1] ?? '').join(' '))
    .sort()
}

test('several cookies of the session’s name are 401 with a reason and a remedy, and only foreign ones are removed', async () => {
  const own = cookieOf(await logInAs())
  for (const cookie of [`${FOREIGN}; ${own}`, `${own}; ${FOREIGN}`]) {
    const response = await getUser(node.url, cookie)
    assert.equal(response.status, 401)
    const problem = await response.text()
    assert.match(problem, /"reason":"ambiguous_cookie"/)
    assert.match(problem, /Another application on this host.*SESSION_COOKIE/)
    // The node's own cookie has the path / and no domain.
    assert.deepEqual(removed(response), ['/api ', '/api/ ', '/api/events ', '/api/user '])
  }
  assert.ok(await isHonoured(own))
})

test('for a host name, cookies of its parent domains are also removed; an address or an invalid name has none', async () => {
  const own = cookieOf(await logInAs())
  const removedUnder = async (host: string) => {
    // fetch cannot set Host.
    return new Promise<string[]>((resolve, reject) => {
      request(`${node.url}/api/user`, { headers: { Host: host, Cookie: `${own}; ${FOREIGN}` } }, (answer) => {
        answer.resume()
        resolve((answer.headers['set-cookie'] ?? []).map((line) => /Domain=([^;]*)/.exec(line)?.[1] ?? ''))
      })
        .on('error', reject)
        .end()
    })
  }
  const domains = async (host: string) => [...new Set(await removedUnder(host))].filter(Boolean)
  assert.deepEqual(await domains('Shop.example.org:8080'), ['shop.example.org', 'example.org'])
  assert.deepEqual(await domains('localhost:8080'), [])
  assert.deepEqual(await domains('127.0.0.1:8080'), [])
  assert.deepEqual(await domains('a;b'), [])
  assert.ok((await removedUnder(`${'a.'.repeat(100)}org`)).length < 40)
})

test('a response header that removes cookies fits into nginx’s buffer for any host name', async () => {
  for (const host of ['localhost', 'shop.example.org', `${'a-long-part.'.repeat(18)}example.org`]) {
    const head = ['DELETE /api/sessions/0123456789abcdef01234567 HTTP/1.1', `Host: ${host}`, 'Connection: close']
    const port = Number(new URL(node.url).port)
    const answer = await exchange(port, `${head.join('\r\n')}\r\nCookie: ${FOREIGN}; ${FOREIGN}\r\n\r\n`)
    assert.match(answer, /^HTTP\/1\.1 401 [\s\S]*^Set-Cookie: sid=; Max-Age=0; Path=\/api\/events\r$/m)
    // proxy_buffer_size. nginx adds its own headers later.
    assert.ok(answer.indexOf('\r\n\r\n') < 4_096, `${host}: ${answer.indexOf('\r\n\r\n')} bytes`)
  }
})

test('a request with one session cookie removes none, and a 503 removes none', async () => {
  assert.deepEqual(removed(await getUser(node.url, FOREIGN)), [])
  const own = cookieOf(await logInAs())
  assert.deepEqual(removed(await getUser(node.url, own)), [])
  await redis.kill()
  try {
    for (const response of [await logInAs(`${own}; ${FOREIGN}`), await logOut(node.url, `${own}; ${FOREIGN}`)]) {
      assert.equal(response.status, 503)
      assert.deepEqual(response.headers.getSetCookie(), [])
    }
  } finally {
    await redis.start()
  }
  await until('logins work again', async () => (await logInAs()).status === 200)
})

test('a login with several cookies removes the foreign ones and ends the session that it replaces', async () => {
  const own = cookieOf(await logInAs())
  const response = await logInAs(`${FOREIGN}; ${own}`)
  assert.equal(response.status, 200)
  assert.deepEqual(removed(response), ['/api/events ', '/auth ', '/auth/ ', '/auth/login '])
  const next = response.headers.getSetCookie().find((line) => /^sid=[^;]/.test(line)) ?? ''
  assert.ok(await isHonoured(next.split(';', 1)[0] ?? ''))
  assert.ok(!(await isHonoured(own)))
})

test('a logout with several cookies ends the session, whichever cookie has its token', async () => {
  for (const order of ['first', 'last']) {
    const own = cookieOf(await logInAs())
    const cookie = order === 'first' ? `${own}; ${FOREIGN}` : `${FOREIGN}; ${own}`
    assert.equal((await logOut(node.url, cookie)).status, 204)
    assert.ok(!(await isHonoured(own)), order)
  }
})

test('an event stream requested with several session cookies is 401, not an anonymous stream', async () => {
  const own = cookieOf(await logInAs())
  const response = await fetch(`${node.url}/api/events`, { headers: { Cookie: `${own}; ${FOREIGN}` } })
  assert.equal(response.status, 401)
  assert.match(await response.text(), /"reason":"ambiguous_cookie"/)
})

test('two stacks on one host with different SESSION_COOKIE names do not affect each other’s sessions', async (t) => {
  const stacks = await Promise.all(
    ['sid', 'second-sid'].map(async (name) => {
      const program = runNode('server', { REDIS_URL: redis.url, SESSION_COOKIE: name })
      t.after(async () => {
        program.signal('SIGTERM')
        await program.ended
      })
      return { name, url: (await program.listening()).url }
    }),
  )
  // Like a browser, which sends the cookies of a host to all of its ports.
  const jar = new Map<string, string>()
  const cookies = () => [...jar.values()].join('; ')
  for (const { name, url } of stacks) {
    const credentials = { username: 'ada', password: 'analytical-engine' }
    const cookie = cookieOf(await logIn(url, credentials, { Cookie: cookies() }))
    assert.ok(cookie.startsWith(`${name}=`))
    jar.set(name, cookie)
  }
  for (const { url } of stacks) assert.equal((await getUser(url, cookies())).status, 200)
})
