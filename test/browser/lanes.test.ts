import assert from 'node:assert/strict'
import type { Browser, Page } from 'playwright-core'
import { ask, assertAccessible, logIn, text, tokenOf, visit } from '../support/browser-page.ts'
import { changeRecord } from '../support/change-record.ts'
import type { PageNodes } from '../support/page-nodes.ts'
import { MOVING } from '../support/page-pool.ts'
import { testPageOn } from '../support/page-tests.ts'
import type { TestRedis } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

// The lanes: what happened on each node and in Redis in the last minute.
const NAMES = ['app-1', 'app-2', 'app-3']
let redis: TestRedis
let nodes: PageNodes
let browser: Browser

const guarantee = testPageOn(NAMES, (started) => {
  ;({ redis, nodes, browser } = started)
})

const showTable = (page: Page) => page.getByRole('button', { name: 'Table' }).click()
const row = (page: Page, kind: string, what: string | RegExp) =>
  page.locator(`#lanes-rows tr.${kind}`, { hasText: what }).first()
const spoken = async (page: Page) => (await page.getByRole('slider').getAttribute('aria-valuetext')) ?? ''
/** The same without the time, which goes on. */
const mark = async (page: Page) => (await spoken(page)).replace(/\d+\.\d s/, '')

guarantee(
  'the lanes show each request, and what happens to sessions, nodes and Redis, as marks and as a table',
  async () => {
    const { page, complaints } = await visit(browser, nodes.url, MOVING)
    await logIn(page, 'grace')
    await showTable(page)
    assert.deepEqual(await page.locator('#lane-names li').allTextContents(), [...NAMES, 'Redis'])
    const createdOn = await text(page, '#created-on')
    await row(page, 'created', `This session was created on ${createdOn}`).waitFor()
    const servedBy = await ask(page)
    await row(page, 'honoured', new RegExp(`${servedBy}GET /api/user: honoured, \\d+ ms`)).waitFor()

    await makeOlder(await tokenOf(page), 1_200)
    await until('the token is replaced', async () => {
      await ask(page)
      return (await page.locator('#lanes-rows tr.rotated').count()) > 0
    })
    await until('a node has renewed the session', async () => {
      await ask(page)
      return (await page.locator('#lanes-rows tr.renewed').count()) > 0
    })
    const other = await visit(browser, nodes.url, { as: 'grace', ...MOVING })
    await other.page.getByRole('button', { name: 'Log out' }).click()
    await row(page, 'ended', /Another session was logged out on app-\d/).waitFor()
    assert.deepEqual(complaints, [])
  },
)

guarantee('a node that drains and one that dies look different, and the event stream fails over', async () => {
  const { page } = await visit(browser, nodes.url, { as: 'ada', ...MOVING })
  await showTable(page)
  const connectedTo = (await text(page, '#feed-state')).replace('Connected to ', '')
  await nodes.drain(connectedTo)
  await row(page, 'draining', `${connectedTo} is stopping`).waitFor()
  await row(page, 'left', `${connectedTo} has left`).waitFor()
  await row(page, 'failedOver', `The event stream failed over from ${connectedTo} to app-`).waitFor()
  await nodes.add(connectedTo)
  await row(page, 'joined', `${connectedTo} is running`).waitFor()
  const victim = NAMES.find((name) => name !== connectedTo) ?? ''
  await nodes.kill(victim)
  await row(page, 'died', `${victim} died: its heartbeat stopped`).waitFor()
  await nodes.add(victim)
  redis.pause()
  await row(page, 'failed', /app-\d is disconnected from Redis/).waitFor()
  redis.resume()
  await row(page, 'joined', /app-\d is connected to Redis again/).waitFor()
})

guarantee('a request that the balancer sent to a second node is marked as failed over', async () => {
  const { page } = await visit(browser, nodes.url, { as: 'ada' })
  await showTable(page)
  await ask(page)
  assert.equal(await page.locator('#lanes-rows tr.failedOver').count(), 0)
  const gone = nodes.drain('app-3', { keepsTurns: true })
  await until('a request fails over', async () => {
    const servedBy = await ask(page)
    return (await row(page, 'failedOver', `${servedBy}GET /api/user failed over`).count()) > 0
  })
  await gone
  await nodes.add('app-3')
})

guarantee('a login or logout of this page is not shown as a failover of its event stream', async () => {
  const { page } = await visit(browser, nodes.url, MOVING)
  await showTable(page)
  for (let times = 0; times < 3; times++) {
    await logIn(page)
    await page.locator('#feed-state.live').waitFor()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    await page.locator('#feed-state.live').waitFor()
  }
  await row(page, 'created', 'was created on').waitFor()
  assert.equal(await page.locator('#lanes-rows tr.failedOver').count(), 0)
})

guarantee('the arrow keys move from mark to mark and read each one out, and Pause stops the lanes', async () => {
  const { page } = await visit(browser, nodes.url, MOVING)
  await logIn(page)
  const slider = page.getByRole('slider')
  await slider.focus()
  await page.keyboard.press('End')
  const last = await spoken(page)
  assert.match(last, /^(app-\d|Redis), \d+\.\d s ago: /)
  await page.keyboard.press('ArrowLeft')
  assert.notEqual(await spoken(page), last)
  assert.ok(Number(await slider.getAttribute('aria-valuenow')) <= 0)
  await page
    .locator('#lanes-readout')
    .filter({ hasText: / s ago: / })
    .waitFor()
  await page.keyboard.press('Home')
  const oldest = await mark(page)
  assert.match(oldest, /^(app-\d|Redis), {2}ago: ./)
  await page.keyboard.press('ArrowLeft')
  assert.equal(await mark(page), oldest)
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Escape')
  await page.locator('#lanes-readout').waitFor({ state: 'hidden' })

  const pause = page.getByRole('button', { name: 'Pause' })
  await pause.press('Enter')
  assert.equal(await pause.getAttribute('aria-pressed'), 'true')
  await showTable(page)
  const rows = () => page.locator('#lanes-rows').textContent()
  const [before, picture] = [await rows(), await pixels(page)]
  await ask(page)
  // The table of running lanes is filled every second.
  const askedAt = Date.now()
  await until('two seconds have passed', () => Date.now() - askedAt > 2_000)
  assert.equal(await rows(), before)
  assert.equal(await pixels(page), picture)
  await pause.press('Enter')
  await until('the lanes go on', async () => (await pixels(page)) !== picture && (await rows()) !== before)
})

const pixels = async (page: Page) => String(await page.evaluate(`document.getElementById('lanes-canvas').toDataURL()`))

guarantee('the read-out describes the mark under the pointer', async () => {
  const { page } = await visit(browser, nodes.url, { as: 'ada', ...MOVING })
  await ask(page)
  await page.getByRole('button', { name: 'Pause' }).click()
  const slider = page.getByRole('slider')
  await slider.focus()
  await page.keyboard.press('End')
  const at = Number(/(\d+\.\d) s ago/.exec(await spoken(page))?.[1])
  const lane = (await page.locator('#lane-names li').allTextContents()).indexOf('Redis')
  await page.keyboard.press('Escape')
  const { x = 0, y = 0, width = 0, height = 0 } = (await slider.boundingBox()) ?? {}
  // The last mark is that of Redis: the node has read the session.
  await page.mouse.move(x + width * (1 - at / 60) - 1, y + (height * (lane + 0.5)) / 4)
  await page.locator('#lanes-readout', { hasText: /^Redis, \d+\.\d s ago: app-\d read the session$/ }).waitFor()
  await page.mouse.move(x + width / 2, y + height + 40)
  await page.locator('#lanes-readout').waitFor({ state: 'hidden' })
})

guarantee('with reduced motion the lanes move once a second and no dot travels', async () => {
  const { page } = await visit(browser, nodes.url, { as: 'ada' })
  await ask(page)
  assert.equal(await page.locator('.dot').count(), 0)
  const seen = new Set<string>()
  const from = Date.now()
  await until('two seconds have passed', async () => {
    seen.add(await pixels(page))
    return Date.now() - from > 2_000
  })
  assert.ok(seen.size <= 5, `${seen.size} pictures`)
  await showTable(page)
  await assertAccessible(page, 'with the table')
})

guarantee(
  'however long the page is open and however much happens, the lanes keep a bounded number of marks',
  async () => {
    const { page } = await visit(browser, nodes.url, MOVING)
    const kept = await page.evaluate(`import('/lanes/record.js').then(({ createLaneRecord }) => {
    const record = createLaneRecord()
    const most = { marks: 0, turns: 0 }
    for (let at = 0; at < 3_600_000; at += 20) {
      record.add({ at, lane: 'app-' + (at % 7), kind: 'honoured', text: 'x', key: String(at % 13) === '0' ? String(at) : undefined })
      if (at % 100 === 0) record.turn({ at, lane: 'app-' + (at % 700), state: 'up' })
      if (at % 1000 === 0) record.prune(at)
      most.marks = Math.max(most.marks, record.marks.length)
      most.turns = Math.max(most.turns, record.turns.length)
    }
    return { ...most, oldest: record.marks[0].at }
  })`)
    assert.deepEqual(kept, { marks: 3_000, turns: 300, oldest: 3_540_000 })
  },
)

/** Makes a session look this much older. */
async function makeOlder(token: string, seconds: number): Promise<void> {
  const json = (await redis.inspector.get(`session:${token}`)) ?? ''
  const older = changeRecord({ name: token, json, sealKeys: [] }, ({ createdAt }) => ({
    createdAt: new Date(Date.parse(createdAt) - seconds * 1000).toISOString(),
  }))
  await redis.inspector.set(`session:${token}`, older, { KEEPTTL: true })
}
