import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startElsewhere } from '../attack/elsewhere.ts'
import { watchMemory } from '../attack/nginx-siege.ts'
import {
  assertEveryNodeSays,
  createComposeStack,
  PATIENT_WITH_REDIS,
  THREE_NODES,
  untilEveryNodeAccepts,
} from '../support/compose-stack.ts'
import { assertWholeAnswer, line } from '../support/every-answer.ts'
import { assertHarmless, assertServesMeanwhile, hostileRequests } from '../support/hostile-http.ts'
import { ADA, ALAN, GRACE } from '../support/http.ts'
import { casesThroughNginx, nginxCases, twoHosts } from '../support/nginx-answers.ts'
import { assertPolicyHeaders } from '../support/policy-headers.ts'
import { createReader } from '../support/reader.ts'
import { until } from '../support/until.ts'
import { createVisitor, secretsSeen, type Visitor } from '../support/visitor.ts'

// The guarantees of docs/security.md, through nginx, on a stack as `make up` starts it. It also has a public host name.
const stack = createComposeStack('sessions-test-security', {
  ...PATIENT_WITH_REDIS,
  PUBLIC_HOST: 'sessions.example.org',
})

before(async () => {
  await stack.choosePorts()
  await stack.up()
})
after(() => stack.down())

// nginx buffers a request body, so no node receives the request before the body is complete.
const target = () => ({ port: Number(stack.env.PORT), host: 'localhost', isPatientWithBodies: true })

/** A logged-in visitor whose session was created on this node. */
async function visitorOn(node: string, account = ADA): Promise<Visitor> {
  return until(`a session is created on ${node}`, async () => {
    const visitor = stack.stranger()
    const { servedBy } = await visitor.logIn(account)
    return servedBy === node ? visitor : visitor.logOut().then(() => undefined)
  })
}

test('7.2.4: a login issues a new token and ends the session of its request on every node', async () => {
  const visitor = await stack.visitor()
  const before = visitor.copy()
  await visitor.logIn()
  assert.notEqual(visitor.token(), before.token())
  await assertEveryNodeSays(401, before)
  await assertEveryNodeSays(200, visitor)
})

test('strict mode: every node rejects a token that the server has not issued', async () => {
  const own = 'a'.repeat(21) + String(process.pid).padStart(22, '0')
  const visitor = createVisitor(stack.url(), { cookie: `sid=${own}` })
  await assertEveryNodeSays(401, visitor)
  await visitor.logIn()
  assert.notEqual(visitor.token(), own)
  assert.equal((await stack.redisCli('EXISTS', `session:${own}`)).trim(), '0')
})

test('3.3: the cookie is HttpOnly and SameSite=Lax and has no Domain', async () => {
  const { headers } = await stack.stranger().logIn()
  assert.match(headers.getSetCookie().join('\n'), /^sid=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Lax$/)
})

test('7.4.1: a logout ends the session on every node immediately and clears the cookie', async () => {
  const visitor = await stack.visitor()
  const thief = visitor.copy()
  const { status, headers } = await visitor.logOut()
  assert.equal(status, 204)
  assert.match(
    headers.getSetCookie().join('\n'),
    /^sid=; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax$/,
  )
  assert.match(headers.get('Clear-Site-Data') ?? '', /"storage"/)
  await assertEveryNodeSays(401, thief)
})

test('7.4.2: disabling an account ends its sessions and rejects its logins until the account is enabled', async () => {
  const visitors = [await visitorOn('app-1', ALAN), await visitorOn('app-2', ALAN), await visitorOn('app-3', ALAN)]
  const said = await stack.make('disable', 'USER=alan')
  assert.equal(said.match(/^Ended session /gm)?.length, 3)
  for (const visitor of visitors) await assertEveryNodeSays(401, visitor)
  const refused = await stack.stranger().logIn(ALAN)
  const wrong = await stack.stranger().logIn({ username: 'alan', password: 'not the password' })
  assert.deepEqual([refused.status, refused.text], [401, wrong.text])
  assert.equal(refused.headers.getSetCookie().length, 0)
  await stack.lineWith('"event":"revoked"', '"user":"alan"', 'by an administrator')

  await stack.make('enable', 'USER=alan')
  assert.equal((await stack.stranger().logIn(ALAN)).status, 200)
})

test('make disable without a user name or with an unknown one prints an error and changes nothing', async () => {
  for (const [word, answer] of [
    [[], /USER is missing/],
    [['USER=nobody'], /There is no account nobody/],
  ] as const) {
    const { code, output } = await stack.tryToMake('disable', ...word)
    assert.notEqual(code, 0)
    assert.match(output, answer)
  }
})

test('7.4.5: an administrator ends all sessions of a user on every node', async () => {
  const sessions = [await visitorOn('app-1', GRACE), await visitorOn('app-2', GRACE), await visitorOn('app-3', GRACE)]
  const other = await stack.visitor()
  const said = await stack.make('end-sessions', 'USER=grace')
  assert.equal(said.match(/^Ended session /gm)?.length, sessions.length)
  for (const visitor of sessions) await assertEveryNodeSays(401, visitor)
  await assertEveryNodeSays(200, other)
  assert.equal((await stack.stranger().logIn(GRACE)).status, 200)
})

test('7.4.3, 7.5.2: a user lists its sessions, ends one of them, and ends all others', async () => {
  await stack.make('end-sessions', 'USER=ada')
  const [first, second, third] = [await visitorOn('app-1'), await visitorOn('app-2'), await visitorOn('app-3')]
  const list = async () => (await third.ask('/api/sessions')).body.sessions ?? []
  const sessions = await list()
  assert.deepEqual(
    sessions.map(({ createdOn, current }) => [createdOn, current]),
    [
      ['app-3', true],
      ['app-2', false],
      ['app-1', false],
    ],
  )
  for (const { createdAt, lastSeenAt, address, agent } of sessions) {
    assert.ok(Date.parse(lastSeenAt) >= Date.parse(createdAt))
    // nginx is published on a loopback address, where Docker hides the client's address.
    assert.equal(address, 'unknown')
    assert.equal(agent, 'node')
  }

  assert.equal((await third.ask(`/api/sessions/${sessions[1]?.id}`, { method: 'DELETE' })).status, 204)
  await assertEveryNodeSays(401, second)
  await assertEveryNodeSays(200, first)
  assert.equal((await third.ask('/api/sessions', { method: 'DELETE' })).status, 204)
  await assertEveryNodeSays(401, first)
  await assertEveryNodeSays(200, third)
  assert.equal((await list()).length, 1)
})

test('7.5.2: a user cannot end the session of another user: the response is 404', async () => {
  const [ada, grace] = [await stack.visitor(ADA), await stack.visitor(GRACE)]
  const { body } = await ada.whoAmI()
  const { status } = await grace.ask(`/api/sessions/${body.session?.id}`, { method: 'DELETE' })
  assert.equal(status, 404)
  await assertEveryNodeSays(200, ada)
})

test('limits: the eleventh session of a user evicts the oldest, on whichever nodes they were created', async () => {
  await stack.make('end-sessions', 'USER=ada')
  const visitors: Visitor[] = []
  for (let login = 0; login < 11; login++) visitors.push(await stack.visitor())
  const [oldest, ...others] = visitors
  if (oldest) await assertEveryNodeSays(401, oldest)
  for (const visitor of others) assert.equal((await visitor.whoAmI()).status, 200)
  await stack.lineWith('"event":"made_room"', '"user":"ada"')
})

test('3.5: a request from another origin changes nothing (403), and a GET changes nothing (405)', async () => {
  const visitor = await stack.visitor(GRACE)
  const { body } = await visitor.whoAmI()
  const host = new URL(stack.url()).host
  for (const headers of [
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { Origin: 'http://evil.example' },
    { Origin: 'null' },
    { Origin: `http://${host}.evil.example` },
    { Origin: `http://${host}@evil.example` },
    { Origin: 'http://localhost:1' },
    { Origin: 'http://evil.example', 'Sec-Fetch-Site': 'same-origin' },
  ]) {
    for (const [method, path] of [
      ['POST', '/auth/logout'],
      ['POST', '/auth/login'],
      ['DELETE', '/api/sessions'],
      ['DELETE', `/api/sessions/${body.session?.id}`],
    ] as const) {
      const given = path === '/auth/login' ? { body: JSON.stringify(ADA) } : {}
      const answer = await visitor.copy().ask(path, {
        method,
        headers: { 'Content-Type': 'application/json', ...headers },
        ...given,
      })
      assert.equal(answer.status, 403, `${method} ${path} ${JSON.stringify(headers)}`)
      assert.deepEqual(answer.headers.getSetCookie(), [])
    }
  }
  for (const path of ['/auth/logout', '/auth/login']) assert.equal((await visitor.copy().ask(path)).status, 405)
  await assertEveryNodeSays(200, visitor)
  for (const headers of [{ 'Sec-Fetch-Site': 'same-origin', Origin: stack.url() }, { 'Sec-Fetch-Site': 'none' }]) {
    const other = await stack.visitor(GRACE)
    assert.equal((await other.ask('/auth/logout', { method: 'POST', headers })).status, 204)
  }
  await stack.lineWith('"event":"cross_site_refused"', 'evil.example')
})

test('6.3.1: the sixth failed login across nodes is 429 for any claimed address, and the owner can log in from another address', async () => {
  const username = 'grace'
  const statuses: number[] = []
  const nodes = new Set<string>()
  for (let guess = 0; guess < 6; guess++) {
    const { status, servedBy } = await stack.stranger().logIn({ username, password: `guess ${guess}` })
    statuses.push(status)
    nodes.add(servedBy)
  }
  assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429])
  assert.equal(nodes.size, 3)
  for (const address of [undefined, '203.0.113.9', '127.0.0.1, 203.0.113.9']) {
    const { status, headers, body } = await stack.stranger(address).logIn(GRACE)
    assert.equal(status, 429, 'also with the correct password')
    const seconds = Number(headers.get('Retry-After'))
    assert.ok(seconds > 800 && seconds <= 900)
    assert.equal(body.detail, `Try again in ${seconds} seconds.`)
  }
  const elsewhere = await stack.docker(
    ...['compose', 'exec', '--no-TTY', 'app', 'node', '--input-type=module', '--eval'],
    `const { status } = await fetch('http://nginx:8080/auth/login', {
       method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '${JSON.stringify(GRACE)}' })
     console.log(status)`,
  )
  assert.equal(elsewhere.trim(), '200')
  await stack.lineWith('"event":"login_failed"', '"user":"grace"', '"address":"')
  await stack.lineWith('"event":"login_throttled"', '"user":"grace"', '"address":"')
})

test('3.4, 14.3.2: every response has the security headers and no-store, also those that nginx generates', async () => {
  const visitor = await stack.visitor()
  const cases: [string, RequestInit, number][] = [
    ['/', {}, 200],
    ['/api/user', {}, 200],
    ['/nowhere', {}, 404],
    ['/metrics', {}, 404],
    [
      '/auth/login',
      { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: `"${'x'.repeat(5_000)}"` },
      413,
    ],
    ['/auth/login', { method: 'POST', body: 'x'.repeat(70_000) }, 413],
  ]
  for (const [path, init, status] of cases) {
    const answer = await visitor.ask(path, init)
    assert.equal(answer.status, status, path)
    assertPolicyHeaders(answer.headers, path, { isPage: path === '/' })
    if (path !== '/') assert.equal(answer.headers.get('Cache-Control'), 'no-store')
  }
  assert.equal((await visitor.ask('/api/sessions')).headers.get('Cache-Control'), 'no-store')
  assert.equal((await visitor.logIn()).headers.get('Cache-Control'), 'no-store')
  assert.equal((await visitor.logOut()).headers.get('Cache-Control'), 'no-store')
})

test('every response of nginx, its own or a node’s, has X-Served-By and the security headers', async () => {
  const port = Number(stack.env.PORT)
  for (const one of [...nginxCases, ...casesThroughNginx]) await assertWholeAnswer(port, one)
})

test('nginx checks the same host that it sends to the node, also if the request target contains a host', async () => {
  const port = Number(stack.env.PORT)
  for (const one of twoHosts) await assertWholeAnswer(port, one)
  // A node compares Origin with the host and port of the request target.
  for (const [origin, status] of [
    ['http://localhost:1', 204],
    ['http://evil.example', 403],
  ] as const) {
    const request = `POST http://localhost:1/auth/logout HTTP/1.1\r\nHost: evil.example\r\nOrigin: ${origin}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`
    await assertWholeAnswer(port, { what: origin, request, status, servedBy: /^app-\d$/ })
  }
})

test('if all clients share one address, the log reports it, and failed logins with many names lock no user out', async () => {
  await stack.lineWith('"event":"client_addresses"', '"node":"nginx"', '"areShared":true')
  // An address may have a hundred failures: LOGIN_FAILURES_ADDRESS.
  const names = Array.from({ length: 110 }, (_, name) => `fuzzed-${name}`)
  for (const [turn, username] of names.entries()) {
    assert.equal((await stack.stranger().logIn({ username, password: 'guess' })).status, 401, username)
    if (turn % 25 === 24) await (await stack.visitor(ALAN)).logOut()
  }
  assert.equal((await stack.stranger().logIn(ALAN)).status, 200)
})

test('3.4.7: a node logs the policy violations that browsers report, without query strings', async () => {
  const answer = await stack.stranger().ask('/api/reports', {
    method: 'POST',
    headers: { 'Content-Type': 'application/csp-report', Origin: stack.url(), 'Sec-Fetch-Site': 'same-origin' },
    body: JSON.stringify({
      'csp-report': {
        'document-uri': `${stack.url()}/?token=typed-by-mistake`,
        'effective-directive': 'script-src-elem',
        'blocked-uri': 'https://evil.example/x?token=typed-by-mistake',
      },
    }),
  })
  assert.equal(answer.status, 204)
  const line = await stack.lineWith('"event":"policy_violation"', '"blocked":"https://evil.example"')
  assert.match(line, /"rule":"script-src-elem".*"page":"\/"/)
  assert.ok(!stack.log().includes('typed-by-mistake'))
})

test('13.4: nginx serves only the application: no probe, no source file, no other host name', async () => {
  for (const path of [
    ...['/metrics', '/livez', '/readyz', '/health', '/.git/config', '/.env', '/%2e%67it/config', '/.well-known/'],
    ...['/package.json', '/dist/src/server.js', '/demo-users.json', '/../demo-users.json', '/..%2fdemo-users.json'],
    ...['/%2e%2e/demo-users.json', '/style.css/..%2f..%2fpackage.json', '/public/', '/server.conf', '/problem'],
  ]) {
    const answer = await stack.raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
    assert.match(answer, /^HTTP\/1\.1 40[04] .*application\/problem\+json/s, path)
  }
  assert.match(await stack.raw('TRACE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 405 /)
  for (const host of ['evil.example', 'localhost.evil.example', '192.0.2.1', 'app', 'redis:6379', 'example.org']) {
    const answer = await stack.raw(`GET /api/user HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    assert.match(answer, /^HTTP\/1\.1 421 .*X-Served-By: nginx.*PUBLIC_HOST/s, host)
  }
  for (const host of ['localhost', 'localhost:1', '127.0.0.1', '[::1]:80', 'LOCALHOST', 'sessions.example.org']) {
    const answer = await stack.raw(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    assert.match(answer, /^HTTP\/1\.1 200 /, host)
    // The response names no version of any program.
    assert.match(answer, /^Server: nginx\r$/m)
    assert.doesNotMatch(answer, /X-Powered-By/i)
  }
})

for (const hostile of hostileRequests) {
  test(`${hostile.what} does not affect the stack`, () => assertHarmless(target(), hostile))
}

test('2,000 idle connections and some that send one byte a second do not affect other clients, and nginx closes them', async () => {
  const visitor = await stack.visitor()
  await assertServesMeanwhile(target(), async () => (await visitor.whoAmI()).status)
})

test('one network may have 512 concurrent requests; nginx rejects more with a 429 problem and serves other clients', async () => {
  const { answers, refusal, reads } = await hold('allowed-bodies', 600)
  assert.ok(answers[429] > 0)
  assert.deepEqual([reads.failed, reads.ms.length > 0], [0, true])
  assert.match(refusal, /^HTTP\/1\.1 429 .*"title":"Too many requests","status":429,"detail":"[^"]+"}$/s)
  assert.match(refusal, /^Retry-After: 1\r$/m)
  const headers = refusal.matchAll(/^([A-Za-z-]+): (.*)\r$/gm)
  assertPolicyHeaders(new Headers([...headers].map(([, name = '', value = '']): [string, string] => [name, value])))
})

for (const [kind, count, title] of [
  ['headers', 600, 'an endless header'],
  ['allowed-headers', 600, 'an endless header of the longest allowed size'],
  ['allowed-bodies', 500, 'an endless body'],
  ['streams', 300, 'an event stream'],
] as const) {
  test(`nginx stays within the memory stated in nginx.conf and serves other clients: ${title}`, async () => {
    const { most, mebibytes, reads } = await hold(kind, count)
    assert.ok(most > 0)
    assert.deepEqual([reads.failed, reads.ms.length > 0], [0, true])
    const isRequest = kind === 'allowed-bodies' || kind === 'streams'
    assert.ok(mebibytes <= (most * (isRequest ? 68 : 24)) / 1_000 + 4, `${mebibytes} MiB for ${most} connections`)
  })
}

test('after these attacks, no node and no nginx has logged an error or restarted', async () => {
  const lines = stack.log().split('\n')
  assert.deepEqual(
    // One of the tested responses reports that the nodes of make control are not running.
    lines.filter(
      (line) =>
        /"level":"(error|fatal)"|"status":5\d\d|\[(crit|alert|emerg)\]/.test(line) &&
        !line.includes('"path":"/control/"'),
    ),
    [],
  )
  const names = [...THREE_NODES, 'nginx-1'].map(stack.containerOf)
  const restarts = await stack.docker('inspect', '--format', '{{.RestartCount}} {{.State.OOMKilled}}', ...names)
  assert.deepEqual(new Set(restarts.trim().split('\n')), new Set(['0 false']))
})

test('logs: every session event is logged with user, node and session id', async () => {
  const visitor = await stack.visitor()
  const { body, servedBy } = await visitor.whoAmI()
  const id = body.session?.id ?? ''
  const line = await stack.lineWith('"event":"login"', id)
  assert.match(line, new RegExp(`"node":"${body.session?.createdOn}","requestId":"[0-9a-f]{32}".*"user":"ada"`))
  const thief = visitor.copy()
  await visitor.logOut()
  await thief.whoAmI()
  for (const event of ['logout', 'refused']) await stack.lineWith(`"event":"${event}"`, `"sessionId":"${id}"`)
  await stack.lineWith('"event":"login_failed"')
  assert.ok(servedBy)
  await createVisitor(stack.url(), { cookie: 'sid=short' }).whoAmI()
  await stack.lineWith('"event":"refused","malformed":true')

  // An unknown user name may be a password typed into the wrong field.
  const slip = 'my secret, typed too early'
  secretsSeen.add(slip)
  await stack.stranger().logIn({ username: slip, password: 'whatever' })
  await stack.lineWith('"event":"login_failed","user":"(unknown)"')
})

test('a session record forged with a node’s Redis account is 401 on every node and is logged', async () => {
  const visitor = await stack.visitor()
  const { seal: _, ...record } = JSON.parse(await stack.redisCli('--raw', 'GET', `session:${visitor.token()}`))
  const own = 'b'.repeat(21) + String(process.pid).padStart(22, '0')
  const forged = JSON.stringify({ ...record, user: { username: 'grace', displayName: 'Grace Hopper' } })
  await stack.redisCli('SET', `session:${own}`, forged, 'EX', '60')
  await assertEveryNodeSays(401, createVisitor(stack.url(), { cookie: `sid=${own}` }))
  await stack.lineWith('"event":"seal_invalid"')
  await stack.redisCli('DEL', `session:${own}`)
})

test('Redis denied no command of the app', async () => {
  assert.doesNotMatch(await stack.redisCli('ACL', 'LOG'), /^app$/m)
})

test('with no node left, nginx’s own 502 has the same security headers', async () => {
  const visitor = await stack.visitor()
  await stack.docker('stop', ...THREE_NODES.map(stack.containerOf))
  try {
    // For up to a second, nginx still knows an address and times out there: 504.
    await until('nginx has no node', async () => (await visitor.whoAmI()).status === 502)
    for (const answer of [await visitor.whoAmI(), await visitor.logIn()]) {
      assert.ok(answer.status === 502 || answer.status === 504, `${answer.status}`)
      assert.equal(answer.servedBy, 'nginx')
      assertPolicyHeaders(answer.headers)
      assert.equal(answer.headers.get('Cache-Control'), 'no-store')
      assert.deepEqual(answer.headers.getSetCookie(), [])
    }
    const headers = { 'Retry-After': /^1$/ }
    for (const path of ['/api/user', '/api/events', '/'])
      await assertWholeAnswer(Number(stack.env.PORT), {
        ...{ what: path, request: line(`GET ${path}`), status: [502, 504], servedBy: /^nginx$/, headers },
      })
  } finally {
    await stack.docker('start', ...THREE_NODES.map(stack.containerOf))
  }
  await untilEveryNodeAccepts(visitor)
})

test('no container log contains a token or a password of this run', () => {
  stack.assertNoSecretIsLogged()
})

/** All connections are open after a fraction of a second. The engine reports the memory every second. */
const HELD_SECONDS = '4'

/** Holds connections open from a separate address (test/attack/attackers/hold.ts) while reads continue. */
async function hold(kind: string, count: number) {
  const reader = await createReader(stack.url())
  // nginx keeps the memory of an earlier burst, so it restarts first.
  await stack.docker('restart', stack.containerOf('nginx-1'))
  await until('nginx serves', async () => (await reader.readFor(1)).failed === 0)
  const before = await watchMemory(stack).stop()
  const memory = watchMemory(stack)
  const attacker = startElsewhere(stack, new URL('../attack/attackers/hold.js', import.meta.url), {
    words: [kind, String(count), HELD_SECONDS],
  })
  const reads = await reader.readUntil(attacker.finished())
  const peak = await memory.stop()
  const { most, answers, refusal } = JSON.parse(await attacker.finished())
  return { most, answers, refusal, reads, mebibytes: peak.mebibytes - before.mebibytes }
}
