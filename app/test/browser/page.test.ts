import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { alertWith, ask, haveSession, openPage, text, tokenOf, visit } from '../lib/browser-page.ts'
import { chromiumPath, launchChromium } from '../lib/chromium.ts'
import { testPage } from '../lib/page-contract.ts'
import { type Program, runNode } from '../lib/program.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'
import { until } from '../lib/until.ts'

const skip = chromiumPath ? false : 'no Chromium on this machine'
let redis: TestRedis
let stack: Program
let url: string
let browser: Browser

async function startStack(env: Record<string, string> = {}): Promise<{ program: Program; url: string }> {
  const program = runNode('server-lb', { REDIS_URL: redis.url, LOGIN_FAILURES_SECONDS: '4', ...env })
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

// Where there is an engine, test/compose/page.test.ts has the same page before real nginx. Once is enough.
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

test('when a replaced token comes back, the page of its user says why the session ended', { skip }, async (t) => {
  const rotating = await startStack({ SESSION_ROTATE: '2', SESSION_ROTATE_GRACE: '1', SESSION_RENEW_SECONDS: '0' })
  t.after(async () => {
    rotating.program.signal('SIGTERM')
    await rotating.program.ended
  })
  const { page } = await visit(browser, rotating.url)
  t.after(() => page.context().close())
  await haveSession(page)
  const copied = await tokenOf(page)
  await until('the token is replaced, and the new one used', async () => {
    const before = await tokenOf(page)
    await ask(page)
    return before !== copied
  })
  const from = Date.now()
  await until('the grace is over', () => Date.now() - from > 1_100)
  const thief = await fetch(`${rotating.url}/api/user`, { headers: { Cookie: `sid=${copied}` } })
  assert.equal(thief.status, 401)
  await alertWith(page, 'Somebody may have copied it').waitFor()
  assert.ok(await page.getByRole('heading', { name: 'Log in' }).isVisible())
})

test('a session that nobody uses expires on the screen, and the page says why', { skip }, async () => {
  const short = await startStack({ SESSION_TTL_SECONDS: '4' })
  const { page } = await visit(browser, short.url)
  await haveSession(page)
  const token = await tokenOf(page)
  await alertWith(page, 'Your session has ended. It had not been used for too long').waitFor()
  assert.ok(await page.getByRole('heading', { name: 'Log in' }).isVisible())
  assert.equal(await redis.inspector.exists(`session:${token}`), 0)
  await page.context().close()
  short.program.signal('SIGTERM')
  assert.equal(await short.program.ended, 0)
})

test('where there are no control nodes the switch says what to do, and goes back', { skip }, async () => {
  const { page } = await visit(browser, url)
  await page.getByRole('switch').click()
  await alertWith(page, 'The experiment needs the Compose stack').waitFor()
  assert.equal(await page.getByRole('switch').getAttribute('aria-checked'), 'false')
  await haveSession(page)
})

test('what the page’s policies block is in the log of a node behind the balancer', { skip }, async () => {
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

test('3.5.1: a page of another origin can neither log anybody out nor see who is logged in', { skip }, async () => {
  const { page } = await visit(browser, url)
  await haveSession(page)
  const evil = await startOtherOrigin()
  const attack = await page.context().newPage()
  await attack.goto(evil.url)
  const seen = await attack.evaluate(`Promise.all(
    ['/auth/logout', '/api/user'].map((path) =>
      fetch('${url}' + path, { method: path === '/api/user' ? 'GET' : 'POST', credentials: 'include' }).then(
        (response) => response.status,
        () => 'kept from the page',
      ),
    ),
  )`)
  assert.deepEqual(seen, ['kept from the page', 'kept from the page'])
  // A form needs no permission to be sent, and takes the browser along.
  await attack.evaluate(`document.body.innerHTML = '<form method="post" action="${url}/auth/logout"></form>'`)
  const submitted = attack.waitForResponse((response) => response.url().endsWith('/auth/logout'))
  await attack.evaluate('document.forms[0].submit()')
  assert.equal((await submitted).status(), 403)
  await ask(page)
  assert.equal(await text(page, '#display-name'), 'Ada Lovelace')
  await evil.stop()
})

for (const path of ['/api', '/api/user', '/auth', '/']) {
  test(`a cookie of its name that another application has set for ${path} does not keep a browser out, and the page says so`, {
    skip,
  }, async (t) => {
    const token = 'f'.repeat(43)
    // Cookies ignore ports: what this one sets goes to the stack too.
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
    // A login replaces the one for / and meets the one for /auth: neither is in the way of a session.
    if (path.startsWith('/api')) await alertWith(page, 'Another application on this host had set a cookie').waitFor()
    const left = (await context.cookies([url, `${url}/api/user`, `${url}/auth/logout`])).map(({ value }) => value)
    if (path !== '/auth') assert.deepEqual(left, [await tokenOf(page)])

    // Set again while the user is logged in: healed again, and the session stays.
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

/** Another site: another port of this machine, under another name of it. */
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
