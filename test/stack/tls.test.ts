import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { connect } from 'node:tls'
import { judge } from 'loadtest/lib/judge'
import { launchApart } from '../support/apart.ts'
import { ask, logIn, visit } from '../support/browser-page.ts'
import { chromiumPath } from '../support/chromium.ts'
import { TOP } from '../support/command.ts'
import { assertEveryNodeSays, createComposeStack, PATIENT_WITH_REDIS, THREE_NODES } from '../support/compose-stack.ts'
import { assertWholeAnswer, line } from '../support/every-answer.ts'
import { ADA, GRACE } from '../support/http.ts'
import { prove } from '../support/proof.ts'
import { untilWithin } from '../support/stopwatch.ts'
import { until } from '../support/until.ts'
import { createVisitor, type Visitor } from '../support/visitor.ts'

// The same guarantees over TLS, with hashed keys and with timeouts short enough to test, and long enough for a slow machine.
const SECONDS = { ttl: 12, absolute: 30, rotate: 3, grace: 6 }
const stack = createComposeStack('sessions-test-tls', {
  ...PATIENT_WITH_REDIS,
  TLS: '1',
  SESSION_KEY: 'hashed',
  SESSION_TTL_SECONDS: String(SECONDS.ttl),
  SESSION_ABSOLUTE_SECONDS: String(SECONDS.absolute),
  SESSION_ROTATE: String(SECONDS.rotate),
  SESSION_ROTATE_GRACE: String(SECONDS.grace),
  SESSION_RENEW_SECONDS: '1',
  SESSION_FRESH_SECONDS: '8',
})

before(async () => {
  await stack.choosePorts()
  await stack.up()
})
after(() => stack.down())

const ageSeconds = (isoTime = '') => (Date.now() - Date.parse(isoTime)) / 1000

test('the proof passes over TLS with a verified certificate', async () => {
  assert.deepEqual(judge(await prove({ url: stack.url(), nodes: THREE_NODES, minPerCell: 5 })), [])
})

test('3.3.1, 3.3.3: over TLS the cookie is Secure and named __Host-sid, and a cookie named sid is ignored', async () => {
  const visitor = stack.stranger()
  const { headers } = await visitor.logIn()
  const [cookie = '', ...more] = headers.getSetCookie()
  assert.match(cookie, /^__Host-sid=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  assert.deepEqual(more, [])
  assert.equal((await createVisitor(stack.url(), { cookie: `sid=${visitor.token()}` }).whoAmI()).status, 401)
  const { headers: after } = await visitor.logOut()
  assert.match(after.getSetCookie()[0] ?? '', /^__Host-sid=; Path=\/; Expires=Thu, 01 Jan 1970 .*; HttpOnly; Secure;/)
})

test('3.4.1: every response over TLS has HSTS for a year, also those that nginx generates', async () => {
  for (const path of ['/', '/api/user', '/nowhere', '/metrics']) {
    const { headers } = await fetch(stack.url() + path)
    assert.equal(headers.get('Strict-Transport-Security'), 'max-age=31536000; includeSubDomains', path)
  }
})

test('12.2.1, 4.1.2: plain http redirects page requests to https, and rejects logins and API requests (403)', async () => {
  const http = `http://localhost:${stack.env.PORT}`
  for (const [path, init, status] of [
    ['/', {}, 308],
    ['/style.css?x=1', {}, 308],
    [
      '/auth/login',
      { method: 'POST', body: JSON.stringify(ADA), headers: { 'Content-Type': 'application/json' } },
      403,
    ],
    ['/api/user', {}, 403],
    ['/', { method: 'POST' }, 403],
  ] as const) {
    const answer = await fetch(http + path, { redirect: 'manual', ...init })
    assert.equal(answer.status, status, path)
    assert.equal(answer.headers.get('Strict-Transport-Security'), null)
    assert.equal(answer.headers.get('Referrer-Policy'), 'no-referrer')
    if (status === 308) assert.equal(answer.headers.get('Location'), stack.url() + path)
    else assert.match(await answer.text(), /only available over TLS/)
  }
  for (const [request, status] of [
    [line('GET /'), 308],
    [line('POST /auth/login', ['Content-Length: 0']), 403],
    [line('TRACE /'), 405],
    ['GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n', 421],
  ] as const) {
    const headers = { Location: status === 308 ? new RegExp(`^${stack.url()}/$`) : /^$/ }
    await assertWholeAnswer(Number(stack.env.PORT), { what: request, request, status, servedBy: /^nginx$/, headers })
  }
  const mistyped = await fetch(`http://localhost:${stack.env.HTTPS_PORT}/x`, { redirect: 'manual' })
  assert.deepEqual([mistyped.status, mistyped.headers.get('Location')], [308, `${stack.url()}/x`])
  assert.deepEqual([mistyped.headers.get('X-Served-By'), await mistyped.text()], ['nginx', ''])
})

test('12.1: nginx accepts only TLS 1.2 and 1.3, with forward secrecy', async () => {
  assert.equal(await handshake({ minVersion: 'TLSv1.3' }), 'TLSv1.3')
  assert.equal(await handshake({ maxVersion: 'TLSv1.2' }), 'TLSv1.2')
  // Level 0 makes OpenSSL on this machine offer the old versions at all.
  await assert.rejects(handshake({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }))
  await assert.rejects(
    handshake({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA' }),
  )
  // This test's certificate works only with forward secrecy. A user's own certificate may not, so check the configuration.
  const [, ciphers = ''] = /ssl_ciphers (.*);/.exec(await readFile(`${TOP}/nginx/https.conf.template`, 'utf8')) ?? []
  assert.ok(ciphers.split(':').every((cipher) => /^ECDHE-.*(GCM|POLY1305)/.test(cipher)))
})

test('at rest: Redis stores the hash of the token and never the token; make session finds a session by its token', async () => {
  const visitor = await stack.visitor()
  const hash = createHash('sha256').update(visitor.token()).digest('hex')
  const keys = await stack.redisCli('--raw', 'KEYS', '*')
  assert.ok(keys.includes(`session:${hash}`))
  assert.ok(!keys.includes(visitor.token()))
  // Its TTL is twelve seconds from here.
  assert.equal((await visitor.whoAmI()).status, 200)
  assert.match(await stack.make('session', `TOKEN=${visitor.token()}`), /"username":"ada"[\s\S]*TTL ([1-9]|1[0-2]) s/)
  assert.equal((await createVisitor(stack.url(), { cookie: `__Host-sid=${hash}` }).whoAmI()).status, 401)
})

// These tests mostly wait. The last one ends all other sessions of its user, so it uses another user.
describe('over time', { concurrency: true }, () => {
  test('7.3.1: a used session outlives the idle timeout; an unused one expires on every node', async () => {
    const [used, idle] = [await stack.visitor(), await stack.visitor()]
    const idleToken = idle.copy()
    const { body } = await idle.whoAmI()
    const idleEnd = Date.parse(body.session?.expiresAt ?? '')
    await until('the idle timeout has passed', async () => {
      assert.equal((await used.whoAmI()).status, 200)
      return Date.now() > idleEnd + 1_500
    })
    await assertEveryNodeSays(401, idleToken)
    await assertEveryNodeSays(200, used)
  })

  test('7.3.2: a session in constant use expires at its absolute timeout', async () => {
    const visitor = await stack.visitor()
    const { body } = await visitor.whoAmI()
    const { createdAt = '', absoluteExpiresAt = '' } = body.session ?? {}
    const end = Date.parse(absoluteExpiresAt)
    assert.equal(end - Date.parse(createdAt), SECONDS.absolute * 1000)
    const refusedAt = await until(
      'the session is expired',
      async () => {
        const askedAt = Date.now()
        const { status, body: now } = await visitor.whoAmI()
        if (status === 401) return Date.now()
        assert.equal(status, 200)
        assert.ok(askedAt <= end, 'a session was accepted after its absolute timeout')
        assert.ok(Date.parse(now.session?.expiresAt ?? '') <= end)
        return undefined
      },
      2 * SECONDS.absolute * 1000,
    )
    assert.ok(refusedAt >= end, 'the session expired before its absolute timeout')
    await assertEveryNodeSays(401, visitor)
  })

  test('a session in use keeps its id while its token is replaced again and again', async () => {
    const visitor = await stack.visitor()
    const tokens = new Set<string>()
    const { body } = await visitor.whoAmI()
    await until('three tokens have been issued', async () => {
      assert.equal((await visitor.whoAmI()).status, 200)
      return tokens.add(visitor.token()).size === 3
    })
    const { body: later } = await visitor.whoAmI()
    assert.equal(later.session?.id, body.session?.id)
    assert.equal(later.session?.createdOn, body.session?.createdOn)
    assert.equal((await visitor.ask('/api/sessions')).body.sessions?.filter(({ current }) => current).length, 1)
  })

  test('7.5.2: a session without a recent login cannot end other sessions; after a new login it can', async () => {
    const [left, other] = [await stack.visitor(GRACE), await stack.visitor(GRACE)]
    const { body } = await left.whoAmI()
    await until('the login is no longer recent', async () => {
      assert.equal((await left.whoAmI()).status, 200)
      assert.equal((await other.whoAmI()).status, 200)
      return ageSeconds(body.session?.createdAt) > 8.5
    })
    const { status, body: problem } = await left.ask('/api/sessions', { method: 'DELETE' })
    assert.deepEqual([status, problem.title], [403, 'Log in again first'])
    assert.equal((await other.whoAmI()).status, 200)
    await left.logIn(GRACE)
    assert.equal((await left.ask('/api/sessions', { method: 'DELETE' })).status, 204)
    assert.equal((await other.whoAmI()).status, 401)
  })
})

test('rotation: 50 concurrent requests across all nodes all succeed, and exactly one new token is issued', async () => {
  const visitor = await stack.visitor()
  const old = visitor.copy()
  const { body } = await visitor.whoAmI()
  await until('the token is old enough', () => ageSeconds(body.session?.createdAt) > SECONDS.rotate + 0.2)
  const crowd = Array.from({ length: 50 }, () => old.copy())
  const answers = await Promise.all(crowd.map((one) => one.whoAmI()))
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
  assert.equal(new Set(answers.map(({ servedBy }) => servedBy)).size, 3)
  assert.deepEqual(new Set(answers.map((answer) => answer.body.session?.id)), new Set([body.session?.id]))
  const given = new Set(crowd.map((one) => one.token()).filter((token) => token !== old.token()))
  assert.equal(given.size, 1)
  await stack.lineWith('"event":"rotated"', '"user":"ada"', `"sessionId":"${body.session?.id}"`)

  const [token] = given
  const next = createVisitor(stack.url(), { cookie: `__Host-sid=${token}` })
  await assertEveryNodeSays(200, next.copy())
  await untilWithin((SECONDS.grace + 1) * 1000, 'the grace period has passed', async () => {
    assert.equal((await next.whoAmI()).status, 200)
    // A response to the old token sets the new one, so each request has its own copy.
    return (await old.copy().whoAmI()).status === 401
  })
  await assertEveryNodeSays(401, old.copy())
  // The old token was used after its grace period: someone may have copied it.
  const { status, text } = await next.copy().whoAmI()
  assert.equal(status, 401)
  assert.match(text, /"reason":"token_reused"/)
})

test('a logout during the grace period also ends the session for the old token', async () => {
  const visitor = await rotated()
  const { old, next } = visitor
  assert.equal((await old.copy().whoAmI()).status, 200)
  await next.copy().logOut()
  await assertEveryNodeSays(401, old)
  await assertEveryNodeSays(401, next)
})

test('a browser accepts the cookie over TLS, stays logged in on every node, and reports no error', {
  skip: chromiumPath ? false : 'no Chromium on this machine',
}, async () => {
  const { browser, close } = await launchApart([Number(stack.env.PORT), Number(stack.env.HTTPS_PORT)])
  try {
    const { page, complaints } = await visit(browser, `http://localhost:${stack.env.PORT}/`, {
      ignoreHTTPSErrors: true,
    })
    assert.equal(page.url(), `${stack.url()}/`)
    await logIn(page, 'grace')
    const [cookie] = await page.context().cookies()
    assert.deepEqual([cookie?.name, cookie?.secure, cookie?.httpOnly], ['__Host-sid', true, true])
    const seen = new Set<string>()
    for (let asked = 0; seen.size < 3 && asked < 30; asked++) seen.add(await ask(page))
    assert.equal(seen.size, 3)
    assert.deepEqual(complaints, [])
  } finally {
    await close()
  }
})

test('Redis denied no command of the app, and no log contains a token or a password', async () => {
  assert.doesNotMatch(await stack.redisCli('ACL', 'LOG'), /^app$/m)
  stack.assertNoSecretIsLogged()
})

/** A session whose token was just replaced: one visitor has the old token, one the new. */
async function rotated(): Promise<{ old: Visitor; next: Visitor }> {
  const next = await stack.visitor()
  const old = next.copy()
  await until('the token has been replaced', async () => {
    assert.equal((await next.whoAmI()).status, 200)
    return next.token() !== old.token()
  })
  return { old, next }
}

/** Returns the TLS version negotiated with nginx by a client with this offer. */
function handshake(offer: { minVersion?: 'TLSv1' | 'TLSv1.3'; maxVersion?: 'TLSv1.1' | 'TLSv1.2'; ciphers?: string }) {
  return new Promise<string | null>((resolve, reject) => {
    const socket = connect({ port: Number(stack.env.HTTPS_PORT), host: 'localhost', ...offer }, () => {
      resolve(socket.getProtocol())
      socket.destroy()
    })
    socket.once('error', reject)
  })
}
