// Takes the pictures of the README from a running stack: node screenshots.js URL FOLDER
import { launchChromium } from '../lib/chromium.ts'

const [url = 'http://localhost:8080', folder = '.'] = process.argv.slice(2)
const browser = await launchChromium()
for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 390]) {
    const context = await browser.newContext({ viewport: { width, height: 800 }, deviceScaleFactor: 2, colorScheme })
    const page = await context.newPage()
    await page.goto(url)
    await page.getByRole('button', { name: 'ada', exact: true }).click()
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('heading', { name: /You are/ }).waitFor()
    const isAtOrigin = async () =>
      (await page.locator('#created-on').textContent()) === (await page.locator('#served-by').textContent())
    for (let asked = 0; asked < 7 || (asked < 30 && (await isAtOrigin())); asked++) {
      const answered = page.waitForResponse((response) => response.url().endsWith('/api/user'))
      await page.getByRole('button', { name: 'Ask again' }).click()
      await answered
    }
    await page.evaluate('document.activeElement.blur()')
    await page.screenshot({ path: `${folder}/page-${colorScheme}-${width}.png`, fullPage: true })
    await context.close()
  }
}
await browser.close()
