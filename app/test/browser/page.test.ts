import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { chromiumPath, launchChromium } from '../lib/chromium.ts'
import { type Program, runNode } from '../lib/program.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'

const skip = chromiumPath ? false : 'no Chromium on this machine'
let redis: TestRedis
let stack: Program
let url: string
let browser: Browser

before(async () => {
  if (skip) return
  redis = await startTestRedis()
  stack = runNode('server-lb', { REDIS_URL: redis.url })
  const ready = await stack.line(({ msg }) => msg === 'Balancer is ready')
  url = String(ready.url)
  browser = await launchChromium()
})
after(async () => {
  if (skip) return
  await browser.close()
  stack.signal('SIGTERM')
  await stack.ended
  await redis.stop()
})

/** A page of a new visitor, and everything that the browser complains about on it. */
async function visit(width = 1280): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ viewport: { width, height: 900 } })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    // Chromium reports every 401 as an error; the page asks who it is before it knows.
    if (message.type() === 'error' && !message.text().includes('status of 401')) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(url)
  await page.getByRole('heading', { name: 'Log in' }).waitFor()
  return { page, complaints }
}

async function logIn(page: Page, username = 'ada'): Promise<void> {
  await page.getByRole('button', { name: username, exact: true }).click()
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('heading', { name: /You are/ }).waitFor()
}

test('one logs in, sees who one is, and which node made the session', { skip }, async () => {
  const { page, complaints } = await visit()
  await logIn(page)
  assert.equal(await page.locator('#display-name').textContent(), 'Ada Lovelace')
  assert.match((await page.locator('#created-on').textContent()) ?? '', /^app-[123]$/)
  assert.equal(await page.locator('.node').count(), 3)
  assert.equal(await page.locator('.node.origin').count(), 1)
  assert.deepEqual(complaints, [])
})

test('asking again, the node changes and the user stays, until all three have answered', { skip }, async () => {
  const { page } = await visit()
  await logIn(page, 'grace')
  const createdOn = await page.locator('#created-on').textContent()
  const seen = new Set<string | null>()
  for (let asked = 0; seen.size < 3 && asked < 30; asked++) {
    const answered = page.waitForResponse((response) => response.url().endsWith('/api/user'))
    await page.getByRole('button', { name: 'Ask again' }).click()
    const servedBy = await (await answered).headerValue('x-served-by')
    await page.locator('#served-by', { hasText: servedBy ?? '' }).waitFor()
    assert.equal(
      await page
        .locator('.node.answered')
        .textContent()
        .then((text) => text?.startsWith(servedBy ?? '-')),
      true,
    )
    assert.equal(await page.locator('#display-name').textContent(), 'Grace Hopper')
    assert.equal(await page.locator('#created-on').textContent(), createdOn)
    seen.add(servedBy)
  }
  assert.deepEqual([...seen].sort(), ['app-1', 'app-2', 'app-3'])
})

test('a reload keeps the session; logging out ends it', { skip }, async () => {
  const { page } = await visit()
  await logIn(page)
  await page.reload()
  await page.getByRole('heading', { name: 'You are Ada Lovelace' }).waitFor()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByRole('heading', { name: 'Log in' }).waitFor()
  await page.reload()
  await page.getByRole('heading', { name: 'Log in' }).waitFor()
})

test('a wrong password is said in words, and a session that ended elsewhere too', { skip }, async () => {
  const { page } = await visit()
  await page.getByLabel('User name').fill('ada')
  await page.getByLabel('Password', { exact: true }).fill('wrong')
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('alert').filter({ hasText: 'Wrong user name or password' }).waitFor()

  await logIn(page)
  assert.equal(await page.getByRole('alert').count(), 0)
  const [cookie] = await page.context().cookies()
  await redis.inspector.del(`session:${cookie?.value}`)
  await page.getByRole('button', { name: 'Ask again' }).click()
  await page.getByRole('alert').filter({ hasText: 'Your session has ended' }).waitFor()
})

test('while Redis is away the page says so and keeps the session', { skip }, async () => {
  const { page } = await visit()
  await logIn(page)
  redis.pause()
  try {
    await page.getByRole('button', { name: 'Ask again' }).click()
    await page.getByRole('alert').filter({ hasText: 'You are still logged in' }).waitFor()
    assert.ok(await page.locator('#session').isVisible())
  } finally {
    redis.resume()
  }
  await page.getByRole('button', { name: 'Ask again' }).waitFor()
  for (let asked = 0; asked < 50 && (await page.getByRole('alert').count()) > 0; asked++) {
    await page.getByRole('button', { name: 'Ask again' }).click()
  }
  assert.equal(await page.getByRole('alert').count(), 0)
})

test('7.5.2: the page lists where one is logged in, ends one of them, and ends all others', { skip }, async () => {
  const [first, second, third] = [await visit(), await visit(), await visit()]
  for (const { page } of [first, second, third]) await logIn(page, 'grace')
  const { page } = third
  const items = page.locator('#session-list li')
  await page.reload()
  await items.nth(2).waitFor()
  const listed = await items.count()
  assert.match(
    (await items.first().textContent()) ?? '',
    /Chrome on Linux, this one.*127\.0\.0\.1.*app-[123].*last seen/,
  )
  assert.equal(await items.first().getByRole('button').count(), 0)

  // The newest first: the one below is the second's.
  await items.nth(1).getByRole('button', { name: 'End the session' }).click()
  await items.nth(listed - 1).waitFor({ state: 'detached' })
  await second.page.getByRole('button', { name: 'Ask again' }).click()
  await second.page.getByRole('alert').filter({ hasText: 'Your session has ended' }).waitFor()
  assert.equal(await second.page.locator('#session-list li').count(), 0, 'nothing of the session is left on the page')

  await page.getByRole('button', { name: 'End all others' }).click()
  await items.nth(1).waitFor({ state: 'detached' })
  assert.ok(await page.getByRole('button', { name: 'End all others' }).isHidden())
  await first.page.getByRole('button', { name: 'Ask again' }).click()
  await first.page.getByRole('alert').filter({ hasText: 'Your session has ended' }).waitFor()
  assert.deepEqual(third.complaints, [])
})

test('7.5.2: with a login that is long ago, the page asks for the password before it ends another session', {
  skip,
}, async () => {
  const [other, own] = [await visit(), await visit()]
  await logIn(other.page, 'alan')
  await logIn(own.page, 'alan')
  const { page } = own
  await makeLoginOld(page)
  await page.getByRole('button', { name: 'End all others' }).click()
  const password = page.getByLabel('Your password again')
  await password.fill('wrong')
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.getByRole('alert').filter({ hasText: 'Wrong user name or password' }).waitFor()
  await password.fill('universal-machine')
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.locator('#session-list li').nth(1).waitFor({ state: 'detached' })
  await page.getByRole('heading', { name: 'You are Alan Turing' }).waitFor()
  await other.page.getByRole('button', { name: 'Ask again' }).click()
  await other.page.getByRole('alert').filter({ hasText: 'Your session has ended' }).waitFor()
})

test('3.5.1: a page of another origin can neither log anybody out nor see who is logged in', { skip }, async () => {
  const { page } = await visit()
  await logIn(page)
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
  await page.getByRole('button', { name: 'Ask again' }).click()
  await page.locator('#answers li').nth(1).waitFor()
  await evil.stop()
})

test('it works by keyboard alone', { skip }, async () => {
  const { page } = await visit()
  await page.keyboard.press('Tab')
  await page.keyboard.type('alan')
  await page.keyboard.press('Tab')
  await page.keyboard.type('universal-machine')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'You are Alan Turing' }).waitFor()
  assert.equal(await page.evaluate(`document.activeElement.id`), 'ask')
})

test('on a phone nothing is wider than the screen', { skip }, async () => {
  const { page } = await visit(390)
  await logIn(page)
  assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth')) <= 390)
})

/** Lets the session of this page look as if its login was eleven minutes ago. */
async function makeLoginOld(page: Page): Promise<void> {
  const [cookie] = await page.context().cookies()
  const key = `session:${cookie?.value}`
  const record = JSON.parse((await redis.inspector.get(key)) ?? '')
  record.createdAt = new Date(Date.now() - 660_000).toISOString()
  await redis.inspector.set(key, JSON.stringify(record), { expiration: 'KEEPTTL' })
}

/** Another site: another port of this machine, under another name of it. */
async function startOtherOrigin(): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createServer((_req, res) => res.setHeader('Content-Type', 'text/html').end('<title>Evil</title>'))
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
