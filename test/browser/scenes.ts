// Takes pictures of the page in six states, at four widths, in both themes, to look at them: node scenes.js FOLDER [WIDTH...]
import { mkdir } from 'node:fs/promises'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { ask, logIn, text, visit } from '../support/browser-page.ts'
import { launchChromium } from '../support/chromium.ts'
import { CONTROL_ENV, CONTROL_NODES, type PageNodes, startPageNodes } from '../support/page-nodes.ts'
import { MOVING } from '../support/page-pool.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'

const [folder = 'scenes', ...chosen] = process.argv.slice(2)
const widths = chosen.length > 0 ? chosen.map(Number) : [390, 768, 1280, 1440]
const NAMES = ['app-1', 'app-2', 'app-3']
/** Two fifths of a travelling dot, and the end of all transitions. */
const STILL_MS = 560

interface Stage {
  browser: Browser
  nodes: PageNodes
  redis: TestRedis
  options: BrowserContextOptions
  shoot(page: Page, scene: string): Promise<void>
}

async function openWithSession({ browser, nodes, options }: Stage): Promise<Page> {
  const { page } = await visit(browser, nodes.url, { as: 'ada', ...options })
  for (let asked = 0; asked < 4; asked++) await ask(page)
  return page
}

async function openLesson(page: Page, title: string, prediction: string): Promise<void> {
  await page.getByRole('button', { name: 'Lessons', exact: true }).click()
  await page.getByRole('button', { name: title }).click()
  await page.getByLabel(prediction).check()
}

const SCENES: Record<string, (stage: Stage) => Promise<void>> = {
  async 'first-visit'({ browser, nodes, options, shoot }) {
    const { page } = await visit(browser, nodes.url, options)
    await page.locator('.dot').first().waitFor({ state: 'attached' })
    await shoot(page, 'first-visit')
    await page.getByRole('button', { name: 'Lessons', exact: true }).click()
    await shoot(page, 'lessons-list')
  },

  async 'lesson-under-way'(stage) {
    const page = await openWithSession(stage)
    await openLesson(page, 'Kill the creator', 'I am logged out.')
    await stage.shoot(page, 'lesson-under-way')
  },

  async 'creator-dead'(stage) {
    const page = await openWithSession(stage)
    await openLesson(page, 'Kill the creator', 'I am logged out.')
    const createdOn = await text(page, '#created-on')
    await stage.nodes.kill(createdOn)
    await page.locator('.lesson-progress .outcome').waitFor()
    await ask(page)
    await stage.shoot(page, 'creator-dead')
    await stage.nodes.add(createdOn)
  },

  async 'redis-away'(stage) {
    const page = await openWithSession(stage)
    await openLesson(page, 'Redis goes away', 'My requests fail')
    stage.redis.pause()
    await page.locator('.lesson-progress .happened').waitFor()
    await stage.shoot(page, 'redis-away')
    stage.redis.resume()
    await page.locator('.lesson-progress .outcome').waitFor()
  },

  async experiment({ browser, nodes, options, shoot }) {
    for (const name of CONTROL_NODES) await nodes.add(name, CONTROL_ENV)
    const { page } = await visit(browser, nodes.url, options)
    await page.getByRole('switch').click()
    await page.locator('[data-node="control-3"]').waitFor()
    await logIn(page)
    await shoot(page, 'experiment')
    for (const name of CONTROL_NODES) await nodes.kill(name)
  },

  async 'five-nodes'(stage) {
    for (const name of ['app-4', 'app-5']) await stage.nodes.add(name)
    const page = await openWithSession(stage)
    await page.locator('.node').nth(4).waitFor()
    await page.getByRole('button', { name: 'Check every node' }).click()
    await page.locator('#prove:enabled').waitFor()
    await stage.shoot(page, 'five-nodes')
    for (const name of ['app-4', 'app-5']) await stage.nodes.drain(name)
  },
}

await mkdir(folder, { recursive: true })
const redis = await startTestRedis()
const nodes = await startPageNodes(redis.url, NAMES)
const browser = await launchChromium()
for (const width of widths) {
  for (const colorScheme of ['light', 'dark'] as const) {
    const height = width < 500 ? 844 : width < 1000 ? 1024 : width < 1400 ? 800 : 900
    const options = { ...MOVING, colorScheme, viewport: { width, height } }
    const shoot = async (page: Page, scene: string) => {
      await page.waitForTimeout(STILL_MS)
      // What is on the screen, and the whole page.
      await page.screenshot({ path: `${folder}/${scene}-${width}-${colorScheme}.png` })
      await page.screenshot({ path: `${folder}/${scene}-${width}-${colorScheme}-whole.png`, fullPage: true })
    }
    for (const take of Object.values(SCENES)) {
      await take({ browser, nodes, redis, options, shoot })
      for (const context of browser.contexts()) await context.close()
    }
  }
}
await browser.close()
await nodes.stop()
await redis.stop()
