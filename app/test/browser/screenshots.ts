// Takes the pictures of the README from a running stack with its control nodes: node screenshots.js URL FOLDER
import type { Page } from 'playwright-core'
import { ask, logIn, text, visit } from '../lib/browser-page.ts'
import { launchChromium } from '../lib/chromium.ts'

const [url = 'http://localhost:8080', folder = '.'] = process.argv.slice(2)
const PHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1'
const browser = await launchChromium()

/** With an answer just on its way back, so that one sees what the lines are for. */
async function shoot(page: Page, name: string, isAsWanted: () => Promise<boolean>): Promise<void> {
  for (let asked = 0; asked === 0 || (asked < 30 && !(await isAsWanted())); asked++) await ask(page)
  await page.evaluate('document.activeElement.blur()')
  // By then the colours have arrived, and the answer is on its way back.
  await page.waitForTimeout(560)
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true })
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 390]) {
    const options = { colorScheme, viewport: { width, height: 800 }, deviceScaleFactor: 2, ignoreHTTPSErrors: true }
    const { page } = await visit(browser, url, options)
    await logIn(page)
    // The user is logged in here and on a phone, and nowhere else.
    const others = page.getByRole('button', { name: 'End all others' })
    if (await others.isVisible()) await others.click()
    await others.waitFor({ state: 'hidden' })
    await page.getByRole('button', { name: 'Log in again until' }).click()
    await page.locator('#prove-all:enabled').waitFor()
    const phone = await visit(browser, url, { userAgent: PHONE, ignoreHTTPSErrors: true })
    await logIn(phone.page)
    await page.locator('#session-list li').nth(1).waitFor()
    const isElsewhere = async () => (await text(page, '#sentence')).includes('all the same')
    await shoot(page, `page-${colorScheme}-${width}`, isElsewhere)

    if (width > 1000) {
      await page.getByRole('switch').click()
      await page.locator('[data-node="control-3"]').waitFor()
      await logIn(page)
      await shoot(page, `experiment-${colorScheme}-${width}`, async () =>
        (await text(page, '#sentence')).includes('refused'),
      )
    }
    for (const one of [page, phone.page]) await one.context().close()
  }
}
await browser.close()
