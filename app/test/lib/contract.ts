import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import type { SessionOptions } from '../../src/sessions/session-store.ts'
import { exchange } from './exchange.ts'
import { cookieOf } from './http.ts'
import { assertPolicyHeaders } from './policy-headers.ts'
import { startTestRedis, type TestRedis } from './redis-server.ts'
import { newAccount, startTestNode, type TestNode } from './test-node.ts'
import { until } from './until.ts'

let redis: TestRedis
let left: TestNode
let right: TestNode
const people: Record<string, string> = {}

/**
 * What every node promises over HTTP, however its sessions are kept: the same for each of the session options that change
 * how. Two nodes on one Redis, asked directly.
 */
export function contract(session: Partial<SessionOptions>, { cacheEntries = 0 } = {}): void {
  before(async () => {
    redis = await startTestRedis()
    const accounts = []
    for (const username of ['ann', 'ben', 'cleo', 'dan', 'eve']) {
      const { account, password } = await newAccount(username)
      accounts.push(account)
      people[username] = password
    }
    left = await startTestNode(redis.url, { name: 'left', accounts, session, cacheEntries })
    right = await startTestNode(redis.url, { name: 'right', accounts, session, cacheEntries })
  })
  after(async () => {
    await left.stop()
    await right.stop()
    await redis.stop()
  })

  test('a login answers with user, session and node, and a cookie that scripts and other sites do not get', async () => {
    const response = await logIn(left, 'ann')
    assert.equal(response.status, 200)
    const { user, session, node } = await read(response)
    assert.deepEqual(user, { username: 'ann', displayName: 'ANN' })
    const times = ['createdAt', 'rotatedAt', 'expiresAt', 'absoluteExpiresAt']
    assert.deepEqual(Object.keys(session).sort(), ['createdOn', 'id', 'keyHint', ...times].sort())
    assert.equal(session.createdOn, 'left')
    assert.equal(node, 'left')
    assert.equal(response.headers.get('Cache-Control'), 'no-store')
    const [cookie = '', ...more] = response.headers.getSetCookie()
    assert.deepEqual(more, [])
    assert.match(cookie, /^sid=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Lax$/)
  })

  test('a session created on one node is honoured by the other', async () => {
    const cookie = cookieOf(await logIn(left, 'ann'))
    const response = await get(right, '/api/user', cookie)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('X-Served-By'), 'right')
    const { user, session, servedBy } = await read(response)
    assert.equal(user.username, 'ann')
    assert.equal(session.createdOn, 'left')
    assert.equal(servedBy, 'right')
  })

  test('after logout every node refuses, and the cookie is cleared', async () => {
    const cookie = cookieOf(await logIn(left, 'ann'))
    const response = await fetch(`${right.url}/auth/logout`, { method: 'POST', headers: { Cookie: cookie } })
    assert.equal(response.status, 204)
    assert.match(response.headers.getSetCookie()[0] ?? '', /^sid=; Path=\/; Expires=Thu, 01 Jan 1970/)
    for (const node of [left, right]) assert.equal((await get(node, '/api/user', cookie)).status, 401)
  })

  test('a logout without a session is no error', async () => {
    assert.equal((await fetch(`${left.url}/auth/logout`, { method: 'POST' })).status, 204)
  })

  test('a login ends the session that came with it and gives another token', async () => {
    const first = cookieOf(await logIn(left, 'ann'))
    const second = cookieOf(await logIn(right, 'ann', { Cookie: first }))
    assert.notEqual(second, first)
    assert.equal((await get(left, '/api/user', first)).status, 401)
    assert.equal((await get(left, '/api/user', second)).status, 200)
  })

  test('a token of one’s own making is never adopted', async () => {
    const own = 'z'.repeat(43)
    const given = cookieOf(await logIn(left, 'ann', { Cookie: `sid=${own}` }))
    assert.notEqual(given, `sid=${own}`)
    assert.deepEqual(await redis.inspector.keys(`*${own}*`), [])
  })

  test('an unknown user and a wrong password get the same answer', async () => {
    const answers = []
    for (const credentials of [
      { username: 'nobody', password: 'x' },
      { username: 'ann', password: 'x' },
    ]) {
      const response = await post(left, '/auth/login', JSON.stringify(credentials))
      assert.deepEqual(response.headers.getSetCookie(), [])
      answers.push({ status: response.status, body: await response.text() })
    }
    assert.equal(answers[0]?.status, 401)
    assert.deepEqual(answers[0], answers[1])
  })

  test('a user lists its sessions, ends one, ends all others', async () => {
    const [first, second, third] = [
      cookieOf(await logIn(left, 'ben')),
      cookieOf(await logIn(right, 'ben')),
      cookieOf(await logIn(left, 'ben')),
    ]
    const list = async () => (await read(await get(left, '/api/sessions', third))).sessions
    const sessions = await list()
    assert.equal(sessions.length, 3)
    assert.deepEqual(sessions.map((session) => session.current).filter(Boolean), [true])

    const { session: secondSession } = await read(await get(left, '/api/user', second))
    assert.equal((await send('DELETE', right, `/api/sessions/${secondSession.id}`, third)).status, 204)
    assert.equal((await get(left, '/api/user', second)).status, 401)
    assert.equal((await get(left, '/api/user', first)).status, 200)

    assert.equal((await send('DELETE', right, '/api/sessions', third)).status, 204)
    assert.equal((await get(left, '/api/user', first)).status, 401)
    assert.equal((await list()).length, 1)
  })

  test('the session of another user cannot be ended', async () => {
    const cleo = cookieOf(await logIn(left, 'cleo'))
    const dan = cookieOf(await logIn(left, 'dan'))
    const { session } = await read(await get(left, '/api/user', cleo))
    assert.equal((await send('DELETE', left, `/api/sessions/${session.id}`, dan)).status, 404)
    assert.equal((await get(left, '/api/user', cleo)).status, 200)
  })

  test('both nodes are in the cluster, with what they have done', async () => {
    const nodes = await until('both nodes have been heard of', async () => {
      const { nodes: found } = await read(await get(left, '/api/cluster'))
      return found.length === 2 ? found : undefined
    })
    assert.deepEqual(
      nodes.map(({ name }) => name),
      ['left', 'right'],
    )
    for (const { uptimeSeconds, requests, redisMs } of nodes) {
      assert.ok(uptimeSeconds >= 0 && requests >= 0 && redisMs > 0 && redisMs < 300)
    }
  })

  test('metrics tell the route, never the path', async () => {
    await get(left, '/api/user')
    await send('DELETE', left, '/api/sessions/some-id')
    await get(left, '/no/such/path')
    const metrics = await (await get(left, '/metrics')).text()
    assert.match(
      metrics,
      /http_request_duration_seconds_count\{node="left",route="\/api\/user",method="GET",status="401"\}/,
    )
    assert.match(metrics, /route="\/api\/sessions\/:id"/)
    assert.doesNotMatch(metrics, /some-id|no\/such/)
  })

  for (const [what, path, init, status] of [
    ['a body that is not JSON', '/auth/login', { body: '{"username":' }, 400],
    ['an empty body', '/auth/login', { body: '' }, 400],
    ['a JSON body of another shape', '/auth/login', { body: '["ann"]' }, 400],
    ['nested values', '/auth/login', { body: '{"username":{"$gt":""},"password":{"$gt":""}}' }, 400],
    ['a body that sets __proto__', '/auth/login', { body: '{"__proto__":{"username":"ann","password":"x"}}' }, 400],
    [
      'an over-long user name',
      '/auth/login',
      { body: JSON.stringify({ username: 'a'.repeat(65), password: 'x' }) },
      400,
    ],
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
  ] as const) {
    test(`${what} is ${status}, as a problem`, async () => {
      const response = await fetch(`${left.url}${path}`, {
        method: 'POST',
        ...init,
        headers: { 'Content-Type': 'application/json', ...('headers' in init ? init.headers : {}) },
      })
      await assertProblem(response, status)
    })
  }

  for (const [path, method, allow] of [
    ['/auth/login', 'GET', 'POST'],
    ['/auth/logout', 'GET', 'POST'],
    ['/api/user', 'POST', 'GET'],
    ['/api/sessions', 'PUT', 'GET, DELETE'],
    ['/api/sessions/some-id', 'GET', 'DELETE'],
    ['/api/cluster', 'DELETE', 'GET'],
    ['/livez', 'POST', 'GET'],
    ['/', 'POST', 'GET'],
  ] as const) {
    test(`${method} ${path} is 405 and says that it takes ${allow}`, async () => {
      const response = await send(method, left, path)
      assert.equal(response.headers.get('Allow'), allow)
      await assertProblem(response, 405)
    })
  }

  for (const [what, header] of [
    ['no cookie', ''],
    ['another cookie', 'theme=dark'],
    ['a token of another shape', 'sid=short'],
    ['a token that is too long', `sid=${'a'.repeat(44)}`],
    ['a token with an escape', `sid=${'a'.repeat(42)}%41`],
    ['an unknown token', `sid=${'a'.repeat(43)}`],
    ['an over-long cookie', `sid=${'a'.repeat(8000)}`],
    ['a cookie without a value', 'sid'],
    ['only separators', ';;;=;'],
  ] as const) {
    test(`${what} is 401`, async () => {
      await assertProblem(await get(left, '/api/user', header), 401)
    })
  }

  test('a cookie that has not the shape of a token is refused without a question to Redis', async () => {
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
          assert.equal((await send(method, left, path, `sid=${value}`)).status, status, `${method} ${path} ${value}`)
        }
        assert.equal((await logIn(left, 'eve', { Cookie: `sid=${value}` })).status, 200)
      }
      const lines = await commands.soFar()
      assert.deepEqual(
        lines.filter((line) => others.some((value) => isAbout(value, line))),
        [],
      )
      // With the shape of a token it is a question.
      const unknown = own.slice(0, 43)
      assert.equal((await get(left, '/api/user', `sid=${unknown}`)).status, 401)
      assert.ok((await commands.soFar()).some((line) => isAbout(unknown, line)))
    } finally {
      commands.stop()
    }
  })

  test('two session cookies are none: which one is meant depends on who set it', async () => {
    const cookie = cookieOf(await logIn(left, 'eve'))
    assert.equal((await get(left, '/api/user', `theme=dark; ${cookie}`)).status, 200)
    await assertProblem(await get(left, '/api/user', `${cookie}; sid=${'b'.repeat(43)}`), 401)
    await assertProblem(await get(left, '/api/user', `${cookie}; ${cookie}`), 401)
  })

  test('no body that a client can think of is a server error', async () => {
    const bodies = fc.oneof(
      fc.json(),
      fc.string(),
      fc.record({ username: fc.string(), password: fc.string() }).map((it) => JSON.stringify(it)),
    )
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        const { status } = await post(left, '/auth/login', body)
        assert.ok([400, 401, 413].includes(status), `${status} for ${body}`)
      }),
      { numRuns: 150 },
    )
  })

  test('no cookie that a client can think of is let in, or a server error', async () => {
    const visible = fc.string({
      unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
      maxLength: 200,
    })
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          visible,
          visible.map((text) => `sid=${text}`),
        ),
        async (cookie) => {
          assert.equal((await get(left, '/api/user', cookie)).status, 401)
        },
      ),
      { numRuns: 200 },
    )
  })

  test('headers that are too large, and what is no HTTP, are answered and not fatal', async () => {
    assert.match(
      await exchange(portOf(left), `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(20_000)}\r\n\r\n`),
      /^HTTP\/1\.1 431 .*problem\+json/s,
    )
    assert.match(await exchange(portOf(left), 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 .*problem\+json/s)
    assert.equal((await get(left, '/livez')).status, 200)
  })

  test('every answer has the security headers, errors too', async () => {
    for (const path of ['/', '/api/user', '/nowhere', '/style.css']) {
      const { headers } = await get(left, path)
      assertPolicyHeaders(headers, path)
      assert.equal(headers.get('X-Powered-By'), null)
      assert.match(headers.get('X-Request-Id') ?? '', /^[0-9a-f-]{36}$/)
      assert.equal(headers.get('X-Served-By'), 'left')
    }
  })

  test('the request id of the balancer is kept; one that could forge a log line is not', async () => {
    const ask = async (id: string) =>
      (await fetch(left.url, { headers: { 'X-Request-Id': id } })).headers.get('X-Request-Id')
    assert.equal(await ask('0123456789abcdef'), '0123456789abcdef')
    assert.notEqual(await ask('x"} forged {"'), 'x"} forged {"')
  })

  test('while Redis is away: 503 with Retry-After within a second, no lost cookie, and the session is there afterwards', async () => {
    const cookie = cookieOf(await logIn(left, 'ann'))
    await redis.kill()
    try {
      for (const ask of [
        () => get(left, '/api/user', cookie),
        () => logIn(left, 'ann'),
        () => send('POST', left, '/auth/logout', cookie),
      ]) {
        const startedAt = performance.now()
        const response = await ask()
        assert.ok(performance.now() - startedAt < 1_000)
        assert.match(response.headers.get('Retry-After') ?? '', /^[1-9]\d*$/)
        assert.deepEqual(response.headers.getSetCookie(), [])
        await assertProblem(response, 503)
      }
      await assertProblem(await get(left, '/readyz'), 503)
      assert.equal((await get(left, '/livez')).status, 200)
      assert.equal((await get(left, '/')).status, 200)
      // What needs no session is answered as ever: this cookie cannot be one.
      await assertProblem(await get(left, '/api/user', 'sid=short'), 401)
    } finally {
      await redis.start()
    }
    await until('the session is honoured again', async () => (await get(left, '/api/user', cookie)).status === 200)
    await until('both nodes are ready', async () => (await get(left, '/readyz')).ok && (await get(right, '/readyz')).ok)
  })
}

/** Whether this command has the session key of the value, in either of its forms. */
function isAbout(value: string, command: string): boolean {
  const hash = createHash('sha256').update(value).digest('hex')
  return command.includes(`"session:${value}"`) || command.includes(`"session:${hash}"`)
}

function logIn(node: TestNode, username: string, headers: Record<string, string> = {}): Promise<Response> {
  return post(node, '/auth/login', JSON.stringify({ username, password: people[username] }), headers)
}

function post(node: TestNode, path: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${node.url}${path}`, {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/json', ...headers },
  })
}

const get = (node: TestNode, path: string, cookie = '') => send('GET', node, path, cookie)

function send(method: string, node: TestNode, path: string, cookie = ''): Promise<Response> {
  return fetch(`${node.url}${path}`, { method, headers: cookie === '' ? {} : { Cookie: cookie } })
}

/** What any answer may hold. A test that reads what is not there fails on undefined. */
interface Body {
  user: { username: string; displayName: string }
  session: { id: string; createdOn: string }
  sessions: { id: string; current: boolean }[]
  nodes: { name: string; uptimeSeconds: number; requests: number; redisMs: number }[]
  node: string
  servedBy: string
  status: number
  title: string
  detail: string
}

const read = async (response: Response) => (await response.json()) as Body

async function assertProblem(response: Response, status: number): Promise<void> {
  assert.equal(response.status, status)
  assert.match(response.headers.get('Content-Type') ?? '', /^application\/problem\+json/)
  const problem = await read(response)
  assert.equal(problem.status, status)
  assert.ok(problem.title.length > 0 && problem.detail.length > 0)
}

const portOf = (node: TestNode) => Number(new URL(node.url).port)
