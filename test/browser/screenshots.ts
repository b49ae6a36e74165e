// Takes the screenshots of the README from a running stack with control nodes: node screenshots.js URL FOLDER
import type { Page } from 'playwright-core'
import { ask, logIn, text, visit } from '../support/browser-page.ts'
import { launchChromium } from '../support/chromium.ts'

const [url = 'http://localhost:8080', folder = '.'] = process.argv.slice(2)
const PHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1'
const browser = await launchChromium()

/** Taken while a response is returning, so the picture shows what the lines mean. */
async function shoot(
  page: Page,
  name: string,
  isAsWanted: () => Promise<boolean>,
  part: 'page' | 'stage' = 'page',
): Promise<void> {
  for (let asked = 0; asked === 0 || (asked < 30 && !(await isAsWanted())); asked++) await ask(page)
  await page.evaluate('document.activeElement.blur(); scrollTo(0, 0)')
  // After this time the colours are final and the response is returning.
  await page.waitForTimeout(560)
  const path = `${folder}/${name}.png`
  if (part === 'page') await page.screenshot({ path, fullPage: true })
  else {
    // The first picture of the README: a wide page from its top to the end of the lanes.
    const { y = 0, height = 0 } = (await page.locator('#lanes').boundingBox()) ?? {}
    const clip = { x: 0, y: 0, width: page.viewportSize()?.width ?? 0, height: y + height + 20 }
    await page.screenshot({ path, fullPage: true, clip })
  }
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 390]) {
    const options = { colorScheme, viewport: { width, height: 800 }, deviceScaleFactor: 2, ignoreHTTPSErrors: true }
    const { page } = await visit(browser, url, options)
    await logIn(page)
    // The user is logged in here and on a phone only.
    const others = page.getByRole('button', { name: 'Revoke all others' })
    if (await others.isVisible()) await others.click()
    await others.waitFor({ state: 'hidden' })
    await page.getByRole('button', { name: 'Log in on every node' }).click()
    await page.locator('#prove-all:enabled').waitFor()
    const phone = await visit(browser, url, { userAgent: PHONE, ignoreHTTPSErrors: true })
    await logIn(phone.page)
    await page.locator('#session-list li').nth(1).waitFor()
    // The login on the phone is news for some seconds. Then the sentence tells again which nodes honour the session.
    await page.locator('#sentence', { hasText: 'honour' }).waitFor()
    const isElsewhere = async () => (await page.locator('.node.answered:not(.origin)').count()) === 1
    await shoot(page, `page-${colorScheme}-${width}`, isElsewhere)

    if (width > 1000) {
      await shoot(page, `stage-${colorScheme}-${width}`, isElsewhere, 'stage')
      await page.getByRole('switch').click()
      await page.locator('[data-node="control-3"]').waitFor()
      await logIn(page)
      await shoot(page, `experiment-${colorScheme}-${width}`, async () =>
        (await text(page, '#sentence')).includes('2 of 3 refuse you'),
      )
    }
    for (const one of [page, phone.page]) await one.context().close()
  }
}
await browser.close()
