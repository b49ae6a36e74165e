import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

/** Without motion, because drawing each frame takes processor time that other tests need. */
const STANDARD = { viewport: { width: 1280, height: 900 }, colorScheme: 'light', reducedMotion: 'reduce' } as const
/** For the tests of what moves: the dots and the lanes. */
export const MOVING = { reducedMotion: 'no-preference' } as const

/** The events for which tests and `visit` listen. */
const EVENTS = [
  'console',
  'pageerror',
  'request',
  'requestfinished',
  'requestfailed',
  'response',
  'framenavigated',
] as const

/** Empty pages that no test uses. Loading the page needs half of the processor time in a process that has loaded it before. */
const idle = new WeakMap<Browser, Page[]>()
const pooled = new WeakSet<Page>()

/** An empty page in a context of its own, without cookies. */
export async function takePage(browser: Browser, options: BrowserContextOptions = {}): Promise<Page> {
  // A used page can change these options, and no others.
  const { viewport, colorScheme, reducedMotion, ...fixed } = { ...STANDARD, ...options }
  const isPooled = Object.keys(fixed).length === 0
  const used = isPooled ? idle.get(browser)?.pop() : undefined
  if (used) {
    if (viewport) await used.setViewportSize(viewport)
    await used.emulateMedia({ media: null, colorScheme, reducedMotion })
    return used
  }
  const context = await browser.newContext({ ...STANDARD, ...options })
  const page = await context.newPage()
  await reportViolations(page)
  if (isPooled) pooled.add(page)
  return page
}

/** Makes a violation of the content security policy an error on the console. */
export const reportViolations = (page: Page) =>
  page.addInitScript(
    `document.addEventListener('securitypolicyviolation', (event) => console.error('CSP: ' + event.violatedDirective))`,
  )

/** Ends the use of all pages of a browser, after a test. Closes all that `takePage` has not created. */
export async function leavePages(browser: Browser): Promise<void> {
  const left = await Promise.all(
    browser.contexts().map(async (context) => {
      const [page, ...others] = context.pages()
      const emptied = page && pooled.has(page) ? await empty(page, others).catch(() => undefined) : undefined
      if (!emptied) await context.close()
      return emptied ?? []
    }),
  )
  idle.set(browser, left.flat())
}

async function empty(page: Page, others: readonly Page[]): Promise<Page> {
  // No test has used it.
  if (page.url() === 'about:blank') return page
  await Promise.all(others.map((other) => other.close()))
  for (const event of EVENTS) await page.removeAllListeners(event)
  await page.unrouteAll()
  await page.evaluate('sessionStorage.clear()')
  await page.goto('about:blank')
  await page.context().clearCookies()
  await page.context().clearPermissions()
  return page
}
