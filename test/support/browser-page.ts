import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { APIRequestContext, Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { logIn as postLogin } from './http.ts'
import { reportViolations, takePage } from './page-pool.ts'

/** An open page and all errors that its browser reports. */
export interface OpenPage {
  page: Page
  /** Console errors, exceptions and violations of the content security policy. */
  complaints: string[]
}

/** A new window of an existing browser context or of a new one. */
export async function openPage(context: BrowserContext, url: string): Promise<OpenPage> {
  const page = await context.newPage()
  await reportViolations(page)
  return show(page, url)
}

/** Opens the stack's page in it. */
async function show(page: Page, url: string): Promise<OpenPage> {
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return
    // The first is caused by this machine's network, which changes with every container. The second comes from a browser that
    // does not know a feature and ignores it. Neither is an error of the page.
    if (!/ERR_NETWORK_CHANGED|Permissions-Policy header: /.test(message.text())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  const underWay = new Set<string>()
  page.on('request', (request) => underWay.add(request.url()))
  page.on('requestfinished', (request) => underWay.delete(request.url()))
  page.on('requestfailed', (request) => underWay.delete(request.url()))
  await page.goto(url)
  try {
    await page.locator('#feed-state.live').waitFor()
    await page.locator('.node').nth(2).waitFor()
  } catch (error) {
    const state = { feed: await text(page, '#feed-state'), hidden: await page.evaluate('document.hidden') }
    throw new Error(
      `The page did not become ready: ${JSON.stringify({ ...state, complaints, underWay: [...underWay] })}`,
      {
        cause: error,
      },
    )
  }
  return { page, complaints }
}

interface VisitOptions extends BrowserContextOptions {
  /** The user who is logged in before the page opens. Default: nobody. */
  as?: string
}

/** The page in a browser that has not seen it. A test ends with `leavePages`. */
export async function visit(browser: Browser, url: string, { as, ...options }: VisitOptions = {}): Promise<OpenPage> {
  const page = await takePage(browser, options)
  if (as !== undefined) await createSession(page.request, url, as)
  const opened = await show(page, url)
  if (as !== undefined) await opened.page.getByRole('heading', { name: /You are/ }).waitFor()
  return opened
}

async function createSession(request: APIRequestContext, url: string, username: string): Promise<void> {
  const { origin } = new URL(url)
  const answer = await request.post(`${origin}/auth/login`, { data: { username, password: PASSWORDS[username] } })
  assert.equal(answer.status(), 200)
}

/** A login of another client of the same user. */
export async function logInElsewhere(url: string, username: string): Promise<void> {
  const answer = await postLogin(url, { username, password: PASSWORDS[username] ?? '' })
  assert.equal(answer.status, 200)
}

/** Logs in with the button of a demo account. Resolves when the page shows that every node accepts the session. */
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

/** Creates a session without the login form for an open page: sets the browser's cookie, and the reloaded page finds it. */
export async function haveSession(page: Page, username = 'ada'): Promise<void> {
  await createSession(page.request, page.url(), username)
  await page.reload()
  await page.getByRole('heading', { name: /You are/ }).waitFor()
  await page.locator('#feed-state.live').waitFor()
  await page.locator('.node').nth(2).waitFor()
}

/** Presses the button. Returns the name of the node that responded once the page shows the response. */
export async function ask(page: Page): Promise<string> {
  const answered = page.waitForResponse((response) => response.url().endsWith('/api/user'))
  await page.getByRole('button', { name: 'Send a request' }).click()
  const servedBy = (await (await answered).headerValue('x-served-by')) ?? ''
  // The button is enabled again when the page has shown the answer.
  await page.locator('#ask:enabled, #login:not([hidden])').first().waitFor()
  return servedBy
}

export const text = async (page: Page, selector: string) => (await page.locator(selector).textContent()) ?? ''

/** The token in this browser's cookie jar. */
export async function tokenOf(page: Page): Promise<string> {
  const cookie = (await page.context().cookies()).find(({ name }) => name === 'sid' || name === '__Host-sid')
  return cookie?.value ?? ''
}

export const alertWith = (page: Page, what: string | RegExp) => page.getByRole('alert').filter({ hasText: what })

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/**
 * The same in light and dark colours, on a wide screen and a phone. The page is without motion, because axe-core would read a
 * colour in transition.
 */
export async function assertAccessibleInAllLooks(page: Page, what: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const)
    for (const width of [390, 1280]) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await page.setViewportSize({ width, height: 844 })
      await assertAccessible(page, `${what}, ${colorScheme}, ${width}`)
    }
}

/** Asserts that axe-core finds no accessibility violation: https://github.com/dequelabs/axe-core */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  // In an isolated world, because the page's content security policy blocks other scripts.
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
  assert.ok(passed > 15, 'axe-core has checked the page')
  await client.detach()
}
