import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'

/** A page that somebody has open, and everything that their browser complains about on it. */
export interface OpenPage {
  page: Page
  /** Console errors, exceptions and violations of the content security policy. */
  complaints: string[]
}

/** A new window of a browser that has been here before, or of a new visitor's. */
export async function openPage(context: BrowserContext, url: string): Promise<OpenPage> {
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return
    // The first is this machine's network, which changes with every container. The second is a browser of another age, which
    // ignores what it does not know. Neither is the page's fault.
    if (!/ERR_NETWORK_CHANGED|Permissions-Policy header: /.test(message.text())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.addInitScript(
    `document.addEventListener('securitypolicyviolation', (event) => console.error('CSP: ' + event.violatedDirective))`,
  )
  const underWay = new Set<string>()
  page.on('request', (request) => underWay.add(request.url()))
  page.on('requestfinished', (request) => underWay.delete(request.url()))
  page.on('requestfailed', (request) => underWay.delete(request.url()))
  await page.goto(url)
  try {
    await page.locator('#feed-state.live').waitFor({ timeout: 10_000 })
    await page.locator('.node').nth(2).waitFor({ timeout: 10_000 })
  } catch (error) {
    const state = { feed: await text(page, '#feed-state'), hidden: await page.evaluate('document.hidden') }
    throw new Error(
      `The page did not come to life: ${JSON.stringify({ ...state, complaints, underWay: [...underWay] })}`,
      {
        cause: error,
      },
    )
  }
  return { page, complaints }
}

export async function visit(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  return openPage(context, url)
}

/** By the button that needs no typing. Resolves when the page has shown by itself that every node knows the session. */
export async function logIn(page: Page, username = 'ada'): Promise<void> {
  await page.getByRole('button', { name: `Log in as ${username}` }).click()
  await page.getByRole('heading', { name: /You are/ }).waitFor()
  await page.locator('#prove:enabled').waitFor()
}

const PASSWORDS: Record<string, string> = {
  ada: 'analytical-engine',
  grace: 'nanosecond',
  alan: 'universal-machine',
}

/** The same without the show, for what begins with a session: the browser has the cookie, and the page finds out. */
export async function haveSession(page: Page, username = 'ada'): Promise<void> {
  const { origin } = new URL(page.url())
  const answer = await page.request.post(`${origin}/auth/login`, { data: { username, password: PASSWORDS[username] } })
  assert.equal(answer.status(), 200)
  await page.reload()
  await page.getByRole('heading', { name: /You are/ }).waitFor()
  await page.locator('#feed-state.live').waitFor()
  await page.locator('.node').nth(2).waitFor()
}

/** Presses the button, and gives the name of the node that answered, once the page shows the answer. */
export async function ask(page: Page): Promise<string> {
  const answered = page.waitForResponse((response) => response.url().endsWith('/api/user'))
  await page.getByRole('button', { name: 'Ask: who am I?' }).click()
  const servedBy = (await (await answered).headerValue('x-served-by')) ?? ''
  await page
    .locator('#sentence', { hasText: new RegExp(`${servedBy} (answered|refused|created your session, and answered)`) })
    .waitFor()
  return servedBy
}

export const text = async (page: Page, selector: string) => (await page.locator(selector).textContent()) ?? ''

/** The token of this browser, which only its own cookie jar has. */
export async function tokenOf(page: Page): Promise<string> {
  const cookie = (await page.context().cookies()).find(({ name }) => name === 'sid' || name === '__Host-sid')
  return cookie?.value ?? ''
}

export const alertWith = (page: Page, what: string | RegExp) => page.getByRole('alert').filter({ hasText: what })

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** Looks for what keeps people out who do not see, hear or move as most do: https://github.com/dequelabs/axe-core */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  // In a world of its own: the page's content security policy lets in no script but the page's own.
  const client = await page.context().newCDPSession(page)
  const { frameTree } = await client.send('Page.getFrameTree')
  const { executionContextId } = await client.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id })
  const evaluate = (expression: string) =>
    client.send('Runtime.evaluate', {
      contextId: executionContextId,
      expression,
      awaitPromise: true,
      returnByValue: true,
    })
  await evaluate(await readFile(AXE, 'utf8'))
  const { result } = await evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations, passes }) =>
    JSON.stringify({
      passed: passes.length,
      violations: violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')),
    }))`)
  const { passed, violations } = JSON.parse(result.value)
  assert.deepEqual(violations, [], what)
  assert.ok(passed > 15, 'axe has looked at the page')
  await client.detach()
}
