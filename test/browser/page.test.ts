import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { alertWith, ask, haveSession, openPage, text, tokenOf, visit } from '../support/browser-page.ts'
import { chromiumPath, launchChromium } from '../support/chromium.ts'
import { testPage } from '../support/page-contract.ts'
import { type Program, runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

const skip = chromiumPath ? false : 'Chromium is not installed'
let redis: TestRedis
let stack: Program
let url: string
let browser: Browser

async function startStack(env: Record<string, string> = {}): Promise<{ program: Program; url: string }> {
  const program = runNode('server-lb', { REDIS_URL: redis.url, LOGIN_FAILURES_SECONDS: '12', ...env })
  const ready = await program.line(({ msg }) => msg === 'Balancer is ready')
  return { program, url: String(ready.url) }
}

before(async () => {
  if (skip) return
  redis = await startTestRedis()
  ;({ program: stack, url } = await startStack())
  browser = await launchChromium()
})
after(async () => {
  if (skip) return
  await browser.close()
  stack.signal('SIGTERM')
  await stack.ended
  await redis.stop()
})

// With an engine, test/stack/page.test.ts tests the same page behind nginx. Once is enough.
if (process.env.PAGE_CONTRACT !== 'compose')
  testPage(
    skip,
    () => browser,
    () => ({
      url,
      redis: async (...words) => String(await redis.inspector.sendCommand(words)),
      pauseRedis: async () => redis.pause(),
      resumeRedis: async () => redis.resume(),
    }),
  )

test('when a replaced token is reused, its user’s page shows why the session ended', { skip }, async (t) => {
  const rotating = await startStack({ SESSION_ROTATE: '2', SESSION_ROTATE_GRACE: '1', SESSION_RENEW_SECONDS: '0' })
  t.after(async () => {
    rotating.program.signal('SIGTERM')
    await rotating.program.ended
  })
  const { page } = await visit(browser, rotating.url)
  t.after(() => page.context().close())
  await haveSession(page)
  const copied = await tokenOf(page)
  await until('the token is replaced and the new one used', async () => {
    const before = await tokenOf(page)
    await ask(page)
    return before !== copied
  })
  const from = Date.now()
  await until('the grace period has passed', () => Date.now() - from > 1_100)
  const thief = await fetch(`${rotating.url}/api/user`, { headers: { Cookie: `sid=${copied}` } })
  assert.equal(thief.status, 401)
  await alertWith(page, 'Somebody may have copied it').waitFor()
  assert.ok(await page.getByRole('heading', { name: 'Log in' }).isVisible())
})

test('the page shows when an unused session expires, and why', { skip }, async () => {
  const short = await startStack({ SESSION_TTL_SECONDS: '4' })
  // The page is loaded first, so that does not take from the time of the session.
  const { page } = await visit(browser, short.url)
  await page.getByRole('button', { name: 'Log in as ada' }).click()
  await page.getByRole('heading', { name: 'You are Ada Lovelace' }).waitFor()
  const token = await tokenOf(page)
  await alertWith(page, 'Your session expired: it was idle for too long').waitFor()
  assert.ok(await page.getByRole('heading', { name: 'Log in' }).isVisible())
  assert.equal(await redis.inspector.exists(`session:${token}`), 0)
  await page.context().close()
  short.program.signal('SIGTERM')
  assert.equal(await short.program.ended, 0)
})

test('without control nodes, the experiment’s switch shows what to do and turns off', { skip }, async () => {
  const { page } = await visit(browser, url)
  await page.getByRole('switch').click()
  await alertWith(page, 'The experiment needs the Compose stack').waitFor()
  assert.equal(await page.getByRole('switch').getAttribute('aria-checked'), 'false')
  await haveSession(page)
})

test('a node behind the balancer logs what the page’s policies block', { skip }, async () => {
  const { page } = await visit(browser, url)
  const outcome = await page.evaluate(`(() => {
    try { document.body.innerHTML = '<b>x</b>' } catch (error) { return error.name }
  })()`)
  assert.equal(outcome, 'TypeError')
  const line = await stack.line(({ event }) => event === 'policy_violation')
  assert.deepEqual([line.rule, line.blocked, line.page], ['require-trusted-types-for', 'trusted-types-sink', '/'])
  assert.match(line.node ?? '', /^app-\d$/)
  await page.context().close()
})

test('3.5.1: a page of another origin can neither log a user out nor read who is logged in', { skip }, async () => {
  const { page } = await visit(browser, url, { as: 'ada' })
  const evil = await startOtherOrigin()
  const attack = await page.context().newPage()
  await attack.goto(evil.url)
  const seen = await attack.evaluate(`Promise.all(
    ['/auth/logout', '/api/user'].map((path) =>
      fetch('${url}' + path, { method: path === '/api/user' ? 'GET' : 'POST', credentials: 'include' }).then(
        (response) => response.status,
        () => 'blocked for the page',
      ),
    ),
  )`)
  assert.deepEqual(seen, ['blocked for the page', 'blocked for the page'])
  // A form needs no permission and navigates the browser.
  await attack.evaluate(`document.body.innerHTML = '<form method="post" action="${url}/auth/logout"></form>'`)
  const submitted = attack.waitForResponse((response) => response.url().endsWith('/auth/logout'))
  await attack.evaluate('document.forms[0].submit()')
  assert.equal((await submitted).status(), 403)
  await ask(page)
  assert.equal(await text(page, '#display-name'), 'Ada Lovelace')
  await evil.stop()
})

for (const path of ['/api', '/api/user', '/auth', '/']) {
  test(`another application’s cookie of the same name for ${path} does not prevent a login, and the page reports it`, {
    skip,
  }, async (t) => {
    const token = 'f'.repeat(43)
    // Cookies ignore ports, so this cookie is also sent to the stack.
    const neighbour = await startOtherOrigin({ 'Set-Cookie': `sid=${token}; Path=${path}; HttpOnly` })
    const context = await browser.newContext()
    t.after(async () => {
      await context.close()
      await neighbour.stop()
    })
    const other = await context.newPage()
    await other.goto(neighbour.url.replace('127.0.0.1', 'localhost'))
    assert.deepEqual(
      (await context.cookies(`${url}${path}`)).map(({ value }) => value),
      [token],
    )
    const { page } = await openPage(context, url)
    await haveSession(page)
    for (let asked = 0; asked < 3; asked++) await ask(page)
    assert.equal(await text(page, '#display-name'), 'Ada Lovelace')
    // A login replaces the cookie for / and receives the one for /auth. Neither prevents a session.
    if (path.startsWith('/api')) await alertWith(page, 'Another application on this host had set a cookie').waitFor()
    const left = (await context.cookies([url, `${url}/api/user`, `${url}/auth/logout`])).map(({ value }) => value)
    if (path !== '/auth') assert.deepEqual(left, [await tokenOf(page)])

    // The cookie is set again while the user is logged in. It is removed again, and the session remains.
    await other.reload()
    if (path !== '/') {
      await page.reload()
      await page.getByRole('heading', { name: /You are/ }).waitFor()
      await page.getByRole('button', { name: 'Log out' }).click()
      await page.getByRole('heading', { name: 'Log in' }).waitFor()
      assert.equal(await redis.inspector.exists(`session:${left.find((value) => value !== token)}`), 0)
    }
  })
}

/** Another site: another port and another name of this machine. */
async function startOtherOrigin(headers: Record<string, string> = {}): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createServer((_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/html', ...headers }).end('<title>Evil</title>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
