// Takes the pictures of the README from a running stack: node screenshots.js URL FOLDER
import type { BrowserContextOptions, Page } from 'playwright-core'
import { launchChromium } from '../lib/chromium.ts'

const [url = 'http://localhost:8080', folder = '.'] = process.argv.slice(2)
const PHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1'
const browser = await launchChromium()

async function logIn(options: BrowserContextOptions): Promise<Page> {
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true, ...options })).newPage()
  await page.goto(url)
  await page.getByRole('button', { name: 'ada', exact: true }).click()
  await page.getByRole('button', { name: 'Log in', exact: true }).click()
  await page.getByRole('heading', { name: /You are/ }).waitFor()
  return page
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 390]) {
    const page = await logIn({ viewport: { width, height: 800 }, deviceScaleFactor: 2, colorScheme })
    // The user is logged in here and on a phone, and nowhere else.
    const listed = page.locator('#session-list li')
    await listed.first().waitFor()
    if ((await listed.count()) > 1) await page.getByRole('button', { name: 'End all others' }).click()
    await listed.nth(1).waitFor({ state: 'detached' })
    const phone = await logIn({ userAgent: PHONE })
    await page.reload()
    await listed.nth(1).waitFor()
    const isAtOrigin = async () =>
      (await page.locator('#created-on').textContent()) === (await page.locator('#served-by').textContent())
    for (let asked = 0; asked < 7 || (asked < 30 && (await isAtOrigin())); asked++) {
      const answered = page.waitForResponse((response) => response.url().endsWith('/api/user'))
      await page.getByRole('button', { name: 'Ask again' }).click()
      await answered
    }
    await page.evaluate('document.activeElement.blur()')
    await page.screenshot({ path: `${folder}/page-${colorScheme}-${width}.png`, fullPage: true })
    for (const one of [page, phone]) await one.context().close()
  }
}
await browser.close()
