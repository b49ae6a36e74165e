import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import { exchange } from '../lib/exchange.ts'
import { cookieOf, getUser, post } from '../lib/http.ts'
import { runNode } from '../lib/program.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'
import { newAccount, startTestNode, type TestNode } from '../lib/test-node.ts'
import { until } from '../lib/until.ts'

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

const logIn = (cookie = '') => post(node.url, '/auth/login', { username: 'neighbour', password }, { Cookie: cookie })
const isHonoured = async (cookie: string) => (await getUser(node.url, cookie)).status === 200

/** Path and domain of each cookie that the answer removes. */
function removed(response: Response): string[] {
  return response.headers
    .getSetCookie()
    .filter((line) => /^sid=; Max-Age=0;/.test(line))
    .map((line) => [/Path=([^;]*)/, /Domain=([^;]*)/].map((part) => part.exec(line)?.[1] ?? '').join(' '))
    .sort()
}

test('several cookies of the session’s name are 401 with a reason and what to do, and only those of others are removed', async () => {
  const own = cookieOf(await logIn())
  for (const cookie of [`${FOREIGN}; ${own}`, `${own}; ${FOREIGN}`]) {
    const response = await getUser(node.url, cookie)
    assert.equal(response.status, 401)
    const problem = await response.text()
    assert.match(problem, /"reason":"ambiguous_cookie"/)
    assert.match(problem, /Another application on this host.*SESSION_COOKIE/)
    // The own one has the path / and no domain.
    assert.deepEqual(removed(response), ['/api ', '/api/ ', '/api/events ', '/api/user '])
  }
  assert.ok(await isHonoured(own))
})

test('under a host name, cookies of its domains are removed as well; an address and a made-up name have none', async () => {
  const own = cookieOf(await logIn())
  const removedUnder = async (host: string) => {
    // fetch does not let a test write Host.
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

test('the head of an answer that removes cookies fits into the buffer of nginx, whatever the host is called', async () => {
  for (const host of ['localhost', 'shop.example.org', `${'a-long-part.'.repeat(18)}example.org`]) {
    const head = ['DELETE /api/sessions/0123456789abcdef01234567 HTTP/1.1', `Host: ${host}`, 'Connection: close']
    const port = Number(new URL(node.url).port)
    const answer = await exchange(port, `${head.join('\r\n')}\r\nCookie: ${FOREIGN}; ${FOREIGN}\r\n\r\n`)
    assert.match(answer, /^HTTP\/1\.1 401 [\s\S]*^Set-Cookie: sid=; Max-Age=0; Path=\/api\/events\r$/m)
    // proxy_buffer_size. What nginx adds comes later.
    assert.ok(answer.indexOf('\r\n\r\n') < 4_096, `${host}: ${answer.indexOf('\r\n\r\n')} bytes`)
  }
})

test('one cookie removes nothing, and nothing is removed with a 503', async () => {
  assert.deepEqual(removed(await getUser(node.url, FOREIGN)), [])
  const own = cookieOf(await logIn())
  assert.deepEqual(removed(await getUser(node.url, own)), [])
  await redis.kill()
  try {
    for (const response of [
      await logIn(`${own}; ${FOREIGN}`),
      await post(node.url, '/auth/logout', {}, { Cookie: `${own}; ${FOREIGN}` }),
    ]) {
      assert.equal(response.status, 503)
      assert.deepEqual(response.headers.getSetCookie(), [])
    }
  } finally {
    await redis.start()
  }
  await until('Redis is used again', async () => (await logIn()).status === 200)
})

test('a login with several cookies removes those of others, and ends the session that it replaces', async () => {
  const own = cookieOf(await logIn())
  const response = await logIn(`${FOREIGN}; ${own}`)
  assert.equal(response.status, 200)
  assert.deepEqual(removed(response), ['/api/events ', '/auth ', '/auth/ ', '/auth/login '])
  const next = response.headers.getSetCookie().find((line) => /^sid=[^;]/.test(line)) ?? ''
  assert.ok(await isHonoured(next.split(';', 1)[0] ?? ''))
  assert.ok(!(await isHonoured(own)))
})

test('a logout with several cookies ends the session, whichever of them it has', async () => {
  for (const order of ['first', 'last']) {
    const own = cookieOf(await logIn())
    const cookie = order === 'first' ? `${own}; ${FOREIGN}` : `${FOREIGN}; ${own}`
    assert.equal((await post(node.url, '/auth/logout', {}, { Cookie: cookie })).status, 204)
    assert.ok(!(await isHonoured(own)), order)
  }
})

test('a stream of events with several cookies is 401, and not the stream of nobody', async () => {
  const own = cookieOf(await logIn())
  const response = await fetch(`${node.url}/api/events`, { headers: { Cookie: `${own}; ${FOREIGN}` } })
  assert.equal(response.status, 401)
  assert.match(await response.text(), /"reason":"ambiguous_cookie"/)
})

test('two stacks on one host with a SESSION_COOKIE each leave each other’s sessions alone', async (t) => {
  const stacks = await Promise.all(
    ['sid', 'second-sid'].map(async (name) => {
      const program = runNode('server', { REDIS_URL: redis.url, SESSION_COOKIE: name })
      t.after(async () => {
        program.signal('SIGTERM')
        await program.ended
      })
      return { name, url: `http://127.0.0.1:${(await program.line(({ msg }) => msg === 'Listening')).port}` }
    }),
  )
  // As a browser does: the cookies of a host go to all of its ports.
  const jar = new Map<string, string>()
  const cookies = () => [...jar.values()].join('; ')
  for (const { name, url } of stacks) {
    const credentials = { username: 'ada', password: 'analytical-engine' }
    const cookie = cookieOf(await post(url, '/auth/login', credentials, { Cookie: cookies() }))
    assert.ok(cookie.startsWith(`${name}=`))
    jar.set(name, cookie)
  }
  for (const { url } of stacks) assert.equal((await getUser(url, cookies())).status, 200)
})
