import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { connect } from 'node:tls'
import { ask, logIn, visit } from '../../app/test/lib/browser-page.ts'
import { chromiumPath, launchChromium } from '../../app/test/lib/chromium.ts'
import { assertWholeAnswer, line } from '../../app/test/lib/every-answer.ts'
import { until } from '../../app/test/lib/until.ts'
import { judge } from '../../loadtest/lib/judge.ts'
import { TOP } from '../lib/command.ts'
import { assertEveryNodeSays, createComposeStack, THREE_NODES } from '../lib/compose-stack.ts'
import { prove } from '../lib/proof.ts'
import { ADA, createVisitor, type Visitor } from '../lib/visitor.ts'

// The same promises over TLS, with hashed keys, and with times short enough to see them pass.
const SECONDS = { ttl: 5, absolute: 20, rotate: 3, grace: 2 }
const stack = createComposeStack('sessions-test-tls', {
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

test('the proof holds over TLS, with a certificate that is checked', async () => {
  assert.deepEqual(judge(await prove({ url: stack.url(), nodes: THREE_NODES, minPerCell: 5 })), [])
})

test('3.3.1, 3.3.3: over TLS the cookie is Secure and its name starts with __Host-; another of the old name is nothing', async () => {
  const visitor = stack.stranger()
  const { headers } = await visitor.logIn()
  const [cookie = '', ...more] = headers.getSetCookie()
  assert.match(cookie, /^__Host-sid=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  assert.deepEqual(more, [])
  assert.equal((await createVisitor(stack.url(), { cookie: `sid=${visitor.token()}` }).whoAmI()).status, 401)
  const { headers: after } = await visitor.logOut()
  assert.match(after.getSetCookie()[0] ?? '', /^__Host-sid=; Path=\/; Expires=Thu, 01 Jan 1970 .*; HttpOnly; Secure;/)
})

test('3.4.1: every answer over TLS promises TLS for a year, also those of nginx', async () => {
  for (const path of ['/', '/api/user', '/nowhere', '/metrics']) {
    const { headers } = await fetch(stack.url() + path)
    assert.equal(headers.get('Strict-Transport-Security'), 'max-age=31536000; includeSubDomains', path)
  }
})

test('12.2.1, 4.1.2: plain http leads to https, but neither for a password nor for a program', async () => {
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
    else assert.match(await answer.text(), /only to be had over TLS/)
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

test('12.1: TLS 1.2 and 1.3 are spoken, nothing older, and only with forward secrecy', async () => {
  assert.equal(await handshake({ minVersion: 'TLSv1.3' }), 'TLSv1.3')
  assert.equal(await handshake({ maxVersion: 'TLSv1.2' }), 'TLSv1.2')
  // Level 0: without it, OpenSSL here would not even try.
  await assert.rejects(handshake({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }))
  await assert.rejects(
    handshake({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA' }),
  )
  // The certificate of this test could not be used without forward secrecy in any case; somebody's own could.
  const [, ciphers = ''] = /ssl_ciphers (.*);/.exec(await readFile(`${TOP}/nginx/https.conf.template`, 'utf8')) ?? []
  assert.ok(ciphers.split(':').every((cipher) => /^ECDHE-.*(GCM|POLY1305)/.test(cipher)))
})

test('at rest: Redis holds the hash of the token and never the token; make session finds it by the token', async () => {
  const visitor = await stack.visitor()
  const hash = createHash('sha256').update(visitor.token()).digest('hex')
  const keys = await stack.redisCli('--raw', 'KEYS', '*')
  assert.ok(keys.includes(`session:${hash}`))
  assert.ok(!keys.includes(visitor.token()))
  assert.match(await stack.make('session', `TOKEN=${visitor.token()}`), /"username":"ada"[\s\S]*TTL [1-5] s/)
  assert.equal((await createVisitor(stack.url(), { cookie: `__Host-sid=${hash}` }).whoAmI()).status, 401)
})

test('7.3.1: a session that is used outlives the idle timeout, one that is not ends for every node', async () => {
  const [used, idle] = [await stack.visitor(), await stack.visitor()]
  const idleToken = idle.copy()
  const { body } = await idle.whoAmI()
  const idleEnd = Date.parse(body.session?.expiresAt ?? '')
  await until('the idle timeout is over', async () => {
    assert.equal((await used.whoAmI()).status, 200)
    return Date.now() > idleEnd + 1_500
  })
  await assertEveryNodeSays(401, idleToken)
  await assertEveryNodeSays(200, used)
})

test('7.3.2: at its absolute end a session is over, though it was used all the time', async () => {
  const visitor = await stack.visitor()
  const { body } = await visitor.whoAmI()
  const { createdAt = '', absoluteExpiresAt = '' } = body.session ?? {}
  assert.equal(Date.parse(absoluteExpiresAt) - Date.parse(createdAt), SECONDS.absolute * 1000)
  await until(
    'the session is over',
    async () => {
      const { status, body: now } = await visitor.whoAmI()
      if (status === 401) return true
      assert.equal(status, 200)
      assert.ok(Date.parse(now.session?.expiresAt ?? '') <= Date.parse(absoluteExpiresAt))
      return false
    },
    (SECONDS.absolute + 5) * 1000,
  )
  assert.ok(Math.abs(ageSeconds(createdAt) - SECONDS.absolute) < 2)
  await assertEveryNodeSays(401, visitor)
})

test('rotation: of 50 requests over all nodes at the moment of rotation all are served, and one new token is given', async () => {
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
  await until(
    'the grace is over',
    async () => {
      assert.equal((await next.whoAmI()).status, 200)
      // An answer to the old token brings the new one, so each request has its own copy.
      return (await old.copy().whoAmI()).status === 401
    },
    (SECONDS.grace + 1) * 1000,
  )
  await assertEveryNodeSays(401, old.copy())
  // It came back after that: somebody may have copied it.
  const { status, text } = await next.copy().whoAmI()
  assert.equal(status, 401)
  assert.match(text, /"reason":"token_reused"/)
})

test('a session in use goes on and on under new tokens, until its absolute end', async () => {
  const visitor = await stack.visitor()
  const tokens = new Set<string>()
  const { body } = await visitor.whoAmI()
  await until('three tokens have been given', async () => {
    assert.equal((await visitor.whoAmI()).status, 200)
    return tokens.add(visitor.token()).size === 3
  })
  const { body: later } = await visitor.whoAmI()
  assert.equal(later.session?.id, body.session?.id)
  assert.equal(later.session?.createdOn, body.session?.createdOn)
  assert.equal((await visitor.ask('/api/sessions')).body.sessions?.filter(({ current }) => current).length, 1)
})

test('a logout during the grace ends the session for the old token too', async () => {
  const visitor = await rotated()
  const { old, next } = visitor
  assert.equal((await old.copy().whoAmI()).status, 200)
  await next.copy().logOut()
  await assertEveryNodeSays(401, old)
  await assertEveryNodeSays(401, next)
})

test('7.5.2: a session that was left open ends no others; after another login it does', async () => {
  const [left, other] = [await stack.visitor(), await stack.visitor()]
  const { body } = await left.whoAmI()
  await until('the login is not fresh any more', async () => {
    assert.equal((await left.whoAmI()).status, 200)
    assert.equal((await other.whoAmI()).status, 200)
    return ageSeconds(body.session?.createdAt) > 8.5
  })
  const { status, body: problem } = await left.ask('/api/sessions', { method: 'DELETE' })
  assert.deepEqual([status, problem.title], [403, 'Log in again first'])
  assert.equal((await other.whoAmI()).status, 200)
  await left.logIn()
  assert.equal((await left.ask('/api/sessions', { method: 'DELETE' })).status, 204)
  assert.equal((await other.whoAmI()).status, 401)
})

test('a browser takes the cookie over TLS, stays logged in on every node, and shows no complaint', {
  skip: chromiumPath ? false : 'no Chromium on this machine',
}, async () => {
  const browser = await launchChromium()
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
    await browser.close()
  }
})

test('the app needed no right that it does not have, and no token and no password is in any log', async () => {
  assert.doesNotMatch(await stack.redisCli('ACL', 'LOG'), /^app$/m)
  stack.assertNoSecretIsLogged()
})

/** A session whose token has just been replaced: a visitor with the old one and one with the new. */
async function rotated(): Promise<{ old: Visitor; next: Visitor }> {
  const next = await stack.visitor()
  const old = next.copy()
  await until('the token has been replaced', async () => {
    assert.equal((await next.whoAmI()).status, 200)
    return next.token() !== old.token()
  })
  return { old, next }
}

/** The protocol agreed on with nginx, by a client that offers no more than this. */
function handshake(offer: { minVersion?: 'TLSv1' | 'TLSv1.3'; maxVersion?: 'TLSv1.1' | 'TLSv1.2'; ciphers?: string }) {
  return new Promise<string | null>((resolve, reject) => {
    const socket = connect({ port: Number(stack.env.HTTPS_PORT), host: 'localhost', ...offer }, () => {
      resolve(socket.getProtocol())
      socket.destroy()
    })
    socket.once('error', reject)
  })
}
