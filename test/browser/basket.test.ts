import assert from 'node:assert/strict'
import type { Browser, Page, Request } from 'playwright-core'
import { assertAccessible, logIn, text, visit } from '../support/browser-page.ts'
import type { PageNodes } from '../support/page-nodes.ts'
import { testPageOn } from '../support/page-tests.ts'
import { until } from '../support/until.ts'

// The basket: data of the session that several windows change at once.
let nodes: PageNodes
let browser: Browser

const guarantee = testPageOn(['app-1', 'app-2', 'app-3'], (started) => {
  ;({ nodes, browser } = started)
})

const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()
const shows = (page: Page, count: number) =>
  until(`the basket has ${count}`, async () => (await text(page, '#basket-count')) === String(count))

guarantee('two windows fill one basket at once, over all nodes, and nothing is lost', async () => {
  const { page, complaints } = await visit(browser, nodes.url)
  await logIn(page)
  await shows(page, 0)
  const second = await page.context().newPage()
  await second.goto(nodes.url)
  await second.locator('#basket:not([hidden])').waitFor()
  await Promise.all([press(page, 'Add 20 at once'), press(second, 'Add 20 at once')])
  for (const window of [page, second]) {
    await window.locator('#basket-note:not([hidden])').waitFor()
    await shows(window, 40)
  }
  await press(second, 'Add one')
  await shows(page, 41)
  await assertAccessible(page, 'basket')
  await press(page, 'Empty')
  await shows(second, 0)
  assert.deepEqual(complaints, [])
})

guarantee('a read of the basket that is answered late does not replace a newer count', async () => {
  const { page } = await visit(browser, nodes.url)
  await logIn(page, 'alan')
  await shows(page, 0)
  let release = () => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  const isRead = (request: Request) => request.method() === 'GET' && request.url().endsWith('/api/session/data')
  let reads = 0
  await page.route('**/api/session/data', async (route) => {
    if (!isRead(route.request()) || reads++ > 0) return route.continue()
    // The answer as it is now, later.
    const response = await route.fetch()
    await held
    return route.fulfill({ response })
  })
  // Another window tells this one to read the basket again.
  await page.evaluate("new BroadcastChannel('basket').postMessage('changed')")
  await until('the first read is on its way', () => reads > 0)
  await press(page, 'Add one')
  await shows(page, 1)
  const answered = page.waitForResponse((response) => isRead(response.request()))
  release()
  await answered
  await page.evaluate('new Promise((resolve) => setTimeout(resolve))')
  assert.equal(await text(page, '#basket-count'), '1')
})

guarantee('the page shows how many changes are lost if a program reads and then writes', async () => {
  const { page } = await visit(browser, nodes.url)
  await logIn(page, 'grace')
  await press(page, 'Add 20 at once')
  await until('none was lost', async () => /app-1, app-2, app-3: none was lost/.test(await text(page, '#basket-note')))
  await press(page, 'Read, then write: 20 at once')
  await until('some were lost', async () => /[1-9]\d* of 20 were lost/.test(await text(page, '#basket-note')))
})
