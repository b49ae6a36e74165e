import assert from 'node:assert/strict'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { ask, assertAccessibleInAllLooks, haveSession, logIn, text, visit } from '../support/browser-page.ts'
import { CONTROL_ENV, CONTROL_NODES, type PageNodes } from '../support/page-nodes.ts'
import { testPageOn } from '../support/page-tests.ts'
import type { TestRedis } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

// The page on small and zoomed screens, on paper, without scripts, and for users of assistive technology.
const FIVE = ['app-1', 'app-2', 'app-3', 'app-4', 'app-5']
let redis: TestRedis
let nodes: PageNodes
let browser: Browser

const guarantee = testPageOn(FIVE, (started) => {
  ;({ redis, nodes, browser } = started)
})

async function openFive(options: BrowserContextOptions): Promise<Page> {
  const { page } = await visit(browser, nodes.url, { as: 'ada', ...options })
  await page.locator('.node').nth(4).waitFor()
  return page
}

/** The boxes that a line of the map crosses, other than those at its ends. */
const CROSSED = `(() => {
  const frame = document.getElementById('map').getBoundingClientRect()
  const boxes = [...document.querySelectorAll('.stop, .node')].map((box) => ({ name: box.textContent, ...box.getBoundingClientRect().toJSON() }))
  const within = ({ left, right, top, bottom }, { x, y }) => x > left + 1 && x < right - 1 && y > top + 1 && y < bottom - 1
  return [...document.querySelectorAll('#routes path')].flatMap((path) => {
    const length = path.getTotalLength()
    const points = Array.from({ length: 201 }, (_, part) => {
      const { x, y } = path.getPointAtLength((length * part) / 200)
      return { x: x + frame.left, y: y + frame.top }
    })
    const ends = [points[0], points.at(-1)]
    return boxes
      .filter((box) => !ends.some((end) => within(box, end)) && points.some((point) => within(box, point)))
      .map(({ name }) => name)
  })
})()`

/** Whatever is wider than its place, or than the page, and names of nodes that break into two lines. */
const MISFITS = `(() => {
  const misfits = []
  if (document.documentElement.scrollWidth > innerWidth) misfits.push('page ' + document.documentElement.scrollWidth)
  for (const part of document.querySelectorAll('#matrix-scroll, .card, .stage, .node, .stop, .actions, .lanes-body'))
    if (part.scrollWidth > part.clientWidth + 1) misfits.push(part.id + ' ' + part.className + ' ' + part.scrollWidth)
  for (const name of document.querySelectorAll('.name, .node strong span, .matrix th span, .lane-names span'))
    if (name.getClientRects().length > 1 || name.getBoundingClientRect().height > 40) misfits.push(name.textContent)
  return misfits
})()`

/** The ends of long names that are cut, or lie outside of their box. */
const CUT_ENDS = `[...document.querySelectorAll('.node-name')].flatMap((name) => {
  const end = document.createRange()
  end.selectNode(name.lastChild)
  const [cell, letters] = [name.parentElement.getBoundingClientRect(), end.getBoundingClientRect()]
  return letters.width > 0 && letters.right <= cell.right + 1 && letters.left >= cell.left - 1 ? [] : [name.textContent]
})`

for (const width of [320, 390, 640, 768, 1280, 1440]) {
  guarantee(`five nodes at ${width} px: no line crosses a box, no column is cut, no name breaks`, async () => {
    const page = await openFive({ viewport: { width, height: 844 } })
    await page.getByRole('button', { name: 'Check every node' }).click()
    await page.locator('#matrix tr.current td.honoured').nth(4).waitFor()
    await page.locator('#prove:enabled').waitFor()
    assert.equal(await page.locator('#routes path').count(), 11)
    assert.deepEqual(await page.evaluate(CROSSED), [])
    assert.deepEqual(await page.evaluate(MISFITS), [])
  })
}

guarantee('on a phone the first screen has the map, the sentence and the buttons of the demo accounts', async () => {
  const { page } = await visit(browser, nodes.url, { viewport: { width: 390, height: 844 } })
  const { y = 0, height = 0 } = (await page.getByRole('button', { name: 'Log in as alan' }).boundingBox()) ?? {}
  assert.ok(y + height < 844, `the last button ends at ${y + height}`)
})

guarantee(
  'axe-core finds no violation with a dead creator, in the experiment, without Redis, and before the login',
  async () => {
    for (const name of CONTROL_NODES) await nodes.add(name, CONTROL_ENV)
    const page = await openFive({})
    const createdOn = await text(page, '#created-on')
    await nodes.kill(createdOn)
    await page.locator('.node.gone').waitFor()
    await ask(page)
    await assertAccessibleInAllLooks(page, 'dead creator')
    await nodes.add(createdOn)
    redis.pause()
    await page.locator('#map-redis.away').waitFor()
    await assertAccessibleInAllLooks(page, 'without Redis')
    await page.reload()
    await page.getByRole('heading', { name: 'You are not logged out' }).waitFor()
    await assertAccessibleInAllLooks(page, 'reloaded without Redis')
    redis.resume()
    await page.getByRole('heading', { name: 'You are Ada Lovelace' }).waitFor()
    await nodes.untilReady()
    await page.getByRole('switch').click()
    await page.locator('.node[data-node="control-1"]').waitFor()
    await logIn(page)
    await page.locator('.node.rejecting').nth(1).waitFor()
    await page.getByRole('button', { name: 'Table' }).click()
    await assertAccessibleInAllLooks(page, 'in the experiment')
  },
)

guarantee('an open lesson fits, with axe-core and at 200 % zoom, in each of its states', async () => {
  const page = await openFive({})
  await page.getByRole('button', { name: 'Lessons', exact: true }).click()
  await assertAccessibleInAllLooks(page, 'the list of lessons')
  await page.getByRole('button', { name: 'Any node' }).click()
  await assertAccessibleInAllLooks(page, 'a lesson')
  await page.getByLabel('All my requests reach').check()
  await assertAccessibleInAllLooks(page, 'a lesson under way')
  // 1280 px at 200 % are 640 px.
  for (const width of [320, 390, 640, 768, 1280, 1440]) {
    await page.setViewportSize({ width, height: 800 })
    assert.deepEqual(await page.evaluate(MISFITS), [], `${width} px`)
  }
  await page.getByRole('button', { name: 'Send to each node' }).click()
  await page.locator('.lesson-progress .outcome').waitFor()
  await assertAccessibleInAllLooks(page, 'the end of a lesson')
})

guarantee('on paper there are no buttons, and the map, the lanes and the matrix are dark on white', async () => {
  const page = await openFive({ colorScheme: 'dark' })
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
  for (const button of await page.getByRole('button').all()) assert.ok(await button.isHidden())
  for (const part of ['#map', '#lanes-canvas', '#matrix', '#sentence'])
    assert.ok(await page.locator(part).isVisible(), part)
  assert.equal(await page.evaluate(`getComputedStyle(document.body).color`), 'rgb(20, 32, 43)')
})

guarantee(
  'without scripts the page explains itself and shows the commands, and nothing that would not work',
  async () => {
    const context = await browser.newContext({ javaScriptEnabled: false })
    const page = await context.newPage()
    await page.goto(nodes.url)
    await page.getByRole('heading', { name: 'This page needs JavaScript' }).waitFor()
    const commands = (await page.locator('noscript pre').allTextContents()).join('\n')
    for (const command of ['curl -b jar', 'docker stop sessions-app-2', 'make loadtest', 'docker kill sessions-app-1'])
      assert.ok(commands.includes(command))
    assert.equal(await page.getByRole('button').count(), 0)
    assert.equal(await page.getByRole('switch').count(), 0)
    assert.ok(await page.locator('main').isHidden())
  },
)

guarantee('the page asks no other host for anything, and polls nothing while its event stream lives', async () => {
  const asked: string[] = []
  const { page } = await visit(browser, nodes.url)
  page.on('request', (request) => asked.push(request.url()))
  // The basket asks once, a second after the session began.
  const basket = page.waitForResponse((response) => response.url().endsWith('/api/session/data'))
  await haveSession(page)
  await page.locator('#session-list li').first().waitFor()
  await basket
  const before = asked.length
  const from = Date.now()
  await until('five seconds have passed', () => Date.now() - from > 5_000)
  assert.deepEqual(asked.slice(before), [])
  assert.deepEqual(
    asked.filter((url) => !url.startsWith(nodes.url)),
    [],
  )
})

guarantee('pods of one Deployment can be told apart by the ends of their names, and make no page wider', async () => {
  for (const name of ['app-5d8599f85b-m7vbg', 'app-5d8599f85b-x7dqt']) await nodes.add(name)
  for (const width of [390, 1280]) {
    const { page } = await visit(browser, nodes.url, { as: 'ada', viewport: { width, height: 844 } })
    await page.locator('.node').nth(6).waitFor()
    await page.getByRole('button', { name: 'Check every node' }).click()
    await page.locator('#matrix tr.current td.honoured').nth(6).waitFor()
    assert.deepEqual(await page.evaluate(CUT_ENDS), [])
    assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true)
  }
})
