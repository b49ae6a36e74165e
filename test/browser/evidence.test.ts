import assert from 'node:assert/strict'
import type { Browser, Page } from 'playwright-core'
import { alertWith, ask, haveSession, logIn, openPage, text, tokenOf, visit } from '../support/browser-page.ts'
import { CONTROL_ENV, CONTROL_NODES, type PageNodes } from '../support/page-nodes.ts'
import { MOVING } from '../support/page-pool.ts'
import { testPageOn } from '../support/page-tests.ts'
import type { TestRedis } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

// What the page says and shows of what it has seen, also after a node has died, without Redis, and in the experiment.
const NAMES = ['app-1', 'app-2', 'app-3']
let redis: TestRedis
let nodes: PageNodes
let browser: Browser

const guarantee = testPageOn(NAMES, (started) => {
  ;({ redis, nodes, browser } = started)
})

const sentence = (page: Page) => text(page, '#sentence')
const sentenceWith = (page: Page, what: string | RegExp) => page.locator('#sentence', { hasText: what }).waitFor()

/** Counts the requests for the list of nodes from now on. */
function countRounds(page: Page): { sent: () => number } {
  let sent = 0
  page.on('request', (request) => {
    if (request.url().endsWith('/api/cluster')) sent++
  })
  return { sent: () => sent }
}

guarantee(
  'before the login, slow anonymous requests reach every node, without a 401, and end with the login',
  async () => {
    const { page, complaints } = await visit(browser, nodes.url, MOVING)
    const { sent } = countRounds(page)
    await page.locator('.dot.plain').first().waitFor({ state: 'attached' })
    await until('each node has served one', async () => {
      const served = await page.locator('.node .served').allTextContents()
      return served.length === 3 && served.every((words) => Number.parseInt(words, 10) > 0)
    })
    assert.ok(await page.getByRole('button', { name: 'Log in as ada' }).isVisible())
    assert.match(await sentence(page), /^No node knows you yet\./)
    assert.deepEqual(complaints, [])
    await logIn(page)
    await page.locator('#feed-state.live').waitFor()
    const before = sent()
    // Longer than the pause between two of them.
    const from = Date.now()
    await until('the next one would have been sent', () => Date.now() - from > 2_500)
    assert.equal(sent(), before)
  },
)

guarantee('an open page sends at most thirty anonymous requests, and a hidden one sends none', async () => {
  const page = await (await browser.newContext()).newPage()
  // The timers of the page run as fast as this test wants.
  await page.clock.install()
  await page.goto(nodes.url)
  await page.locator('#feed-state.live').waitFor()
  const { sent } = countRounds(page)
  const answers = () => page.locator('.node .served').allTextContents()
  const pass = async (times: number) => {
    for (let passed = 0; passed < times; passed++) {
      const before = (await answers()).join()
      const asked = sent()
      await page.clock.runFor(1_900)
      if (sent() > asked) await until('the answer is shown', async () => (await answers()).join() !== before)
    }
  }
  const show = (isHidden: boolean) =>
    page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))`)
  await pass(10)
  assert.ok(sent() >= 8, `${sent()} sent`)
  await show(true)
  const hiddenAt = sent()
  await pass(4)
  assert.equal(sent(), hiddenAt, 'a hidden page sends none')
  const reopened = page.waitForResponse((response) => response.url().endsWith('/api/cluster'))
  await show(false)
  await reopened
  const shownAt = sent()
  await pass(60)
  // A connection that this test starves of pings is opened again, with one request of its own each time.
  const rounds = sent() - shownAt
  assert.ok(rounds >= 30 && rounds <= 36, `${rounds} sent after it was shown again`)
})

guarantee(
  'when the node that created the session dies, its box, lane and row stay, and the others honour it',
  async () => {
    const { page } = await visit(browser, nodes.url, { as: 'ada' })
    const createdOn = await text(page, '#created-on')
    const others = NAMES.filter((name) => name !== createdOn)
    while ((await page.locator('#matrix tr.current td.honoured').count()) < 3) await ask(page)
    await sentenceWith(page, `${createdOn} created your session. All 3 nodes honour it.`)
    await nodes.kill(createdOn)
    try {
      await page.locator(`.node.gone.origin[data-node="${createdOn}"]`).waitFor()
      const goneAt = Date.now()
      // Longer than other nodes stay on the map after they have left.
      await until('nine seconds have passed', () => Date.now() - goneAt > 9_000)
      // The others have honoured it before, which does not prove that they still do.
      await sentenceWith(page, `${createdOn} created your session, and is gone. Send a request.`)
      for (const node of others) await until(`${node} honours the session`, async () => (await ask(page)) === node)
      assert.equal(
        await sentence(page),
        `${createdOn} created your session, and is gone. ${others.join(' and ')} still honour it.`,
      )
      await ask(page)
      assert.match(await text(page, `.node.gone[data-node="${createdOn}"]`), /gone.*created your session$/)
      assert.equal(await text(page, '#lane-names .gone'), `${createdOn}gone`)
      assert.equal(await text(page, '#matrix tr.current th.gone'), `${createdOn}gone`)
      assert.equal(await page.locator('#matrix tr.current td.honoured').count(), 3)
      await page.getByRole('button', { name: 'Table' }).click()
      await page.locator('#lanes-rows tr.died', { hasText: `${createdOn} died` }).waitFor()
      // A page that is opened now has not seen it running.
      const late = await openPage(page.context(), nodes.url)
      await late.page.locator(`.node.gone.origin[data-node="${createdOn}"]`).waitFor()
      await sentenceWith(late.page, `${createdOn} created your session, and is gone.`)
    } finally {
      await nodes.add(createdOn)
    }
    await page.locator(`.node:not(.gone)[data-node="${createdOn}"]`).waitFor()
  },
)

guarantee(
  'without Redis the page says that no node can read the session, a reload does not look logged out, and no message outlasts it',
  async () => {
    const { page } = await visit(browser, nodes.url, { as: 'ada' })
    const token = await tokenOf(page)
    const other = await (await browser.newContext()).newPage()
    redis.pause()
    try {
      await sentenceWith(page, 'No node can read your session now, and no node logs you out.')
      await page.reload()
      await alertWith(page, 'Redis is not responding').waitFor()
      await page.getByRole('heading', { name: 'You are not logged out' }).waitFor()
      await sentenceWith(page, 'This browser has a session cookie, and no node can check it now.')
      assert.equal(await text(page, '#map-user'), 'not checked yet')
      assert.ok(await page.locator('#login').isHidden())
      assert.ok(await page.getByRole('button', { name: 'Log in as ada' }).isHidden())
      // A browser without a cookie is logged out, and can see that.
      await other.goto(nodes.url)
      await other.getByRole('heading', { name: 'Log in' }).waitFor()
      await sentenceWith(other, 'No node can create or read a session now.')
      await other.getByRole('button', { name: 'Log in as ada' }).click()
      await other.locator('#demo-note', { hasText: 'Redis is not responding. Try again when it is back.' }).waitFor()
    } finally {
      redis.resume()
    }
    await other.locator('#demo-note').waitFor({ state: 'hidden' })
    await page.getByRole('heading', { name: 'You are Ada Lovelace' }).waitFor()
    await sentenceWith(page, /^(Redis is back after \d+ s\. You are still logged in\.|.* created your session)/)
    assert.equal(await tokenOf(page), token)
  },
)

guarantee('the sentence reports what was new lately: another session, its logout, and a node that joins', async () => {
  const { page } = await visit(browser, nodes.url, { as: 'grace' })
  const elsewhere = await visit(browser, nodes.url, { as: 'grace' })
  await sentenceWith(page, /^Another session of yours was created on app-\d\.$/)
  await elsewhere.page.getByRole('button', { name: 'Log out' }).click()
  await sentenceWith(page, /^Another session of yours was logged out on app-\d\. Every node rejects it now\.$/)
  await nodes.add('app-4')
  try {
    await sentenceWith(page, 'app-4 is running. It can serve your session too.')
    await until('app-4 has served the session', async () => (await ask(page)) === 'app-4')
    await sentenceWith(page, 'app-4 is running. It honours your session.')
  } finally {
    await nodes.drain('app-4')
  }
  // News is news for some seconds.
  await sentenceWith(page, /created your session/)
})

guarantee(
  'in the experiment each node that rejects the session stays red, and the page says how many refuse it',
  async () => {
    const { page } = await visit(browser, nodes.url)
    await page.getByRole('switch').click()
    const note = page.locator('header').getByRole('alert')
    await note.filter({ hasText: 'The control nodes are not up' }).waitFor()
    assert.equal(await page.getByRole('switch').getAttribute('aria-checked'), 'false')
    for (const name of CONTROL_NODES) await nodes.add(name, CONTROL_ENV)
    await page.getByRole('switch').click()
    await page.locator('.node[data-node="control-3"]').waitFor()
    assert.equal(await note.count(), 0)
    await page.getByRole('button', { name: 'Log in as ada' }).click()
    await page.locator('.node.rejecting').nth(1).waitFor()
    await page.locator('#prove:enabled').waitFor()
    const createdOn = await text(page, '#created-on')
    const refusing = CONTROL_NODES.filter((name) => name !== createdOn)
    const said = `2 of 3 refuse you: ${refusing.join(' and ')}. Only ${createdOn} has your session, in its own memory.`
    assert.equal(await sentence(page), said)
    // Also when the last answer came from the node that knows the session.
    await until('the node that created the session honours it', async () => (await ask(page)) === createdOn)
    assert.equal(await sentence(page), said)
    assert.match((await page.locator('#sentence').getAttribute('class')) ?? '', /bad/)
    for (const name of refusing) {
      assert.match(await text(page, `.node.rejecting[data-node="${name}"]`), /rejects your session$/)
    }
    assert.equal(await page.locator('.routes .rejecting').count(), 2)
    await page.getByRole('switch').click()
    await page.locator('.node[data-node="app-1"]').waitFor()
    assert.equal(await page.locator('.node.rejecting').count(), 0)
  },
)

guarantee('a disabled account and a wrong password are reported beside the button that was pressed', async () => {
  const { page } = await visit(browser, nodes.url)
  await redis.inspector.sAdd('disabled-users', 'grace')
  try {
    await page.getByRole('button', { name: 'Log in as grace' }).click()
    const beside = page.locator('#demo-note')
    await beside.filter({ hasText: 'make enable USER=grace' }).waitFor()
    assert.ok(await isBeside(page, '#demo-accounts', '#demo-note'))
    await page.getByLabel('User name').fill('grace')
    await page.getByLabel('Password', { exact: true }).fill('wrong')
    await page.getByRole('button', { name: 'Log in', exact: true }).click()
    await page.locator('#login-note', { hasText: 'Incorrect user name or password' }).waitFor()
    assert.ok(await isBeside(page, '#login button', '#login-note'))
    assert.equal(await beside.isVisible(), false, 'only the last button has a message')
  } finally {
    await redis.inspector.sRem('disabled-users', 'grace')
  }
})

/** Whether the message is directly below the element and on the screen. */
async function isBeside(page: Page, element: string, message: string): Promise<boolean> {
  const [above, below] = [await page.locator(element).boundingBox(), await page.locator(message).boundingBox()]
  if (!above || !below) return false
  const gap = below.y - (above.y + above.height)
  const { height = 0 } = page.viewportSize() ?? {}
  const top = Number(await page.evaluate('scrollY'))
  return gap >= 0 && gap < 40 && below.y - top < height
}

guarantee('an alert of the page is on the screen, wherever a user has scrolled to', async () => {
  const { page } = await visit(browser, nodes.url, { as: 'alan', viewport: { width: 390, height: 700 } })
  await page.evaluate('scrollTo(0, document.body.scrollHeight)')
  redis.pause()
  try {
    await alertWith(page, 'You are still logged in').waitFor()
    const { y = -1, height = 0 } = (await page.locator('#notice').boundingBox()) ?? {}
    assert.ok(y >= 0 && y + height < 700, `at ${y}`)
  } finally {
    redis.resume()
  }
})

guarantee(
  'sessions of load tests and drills are listed as such, and those that this browser had as its earlier ones',
  async () => {
    for (const agent of ['k6', 'Grafana k6/2.2.0', 'chaos', 'curl/8.14']) {
      const json = { username: 'alan', password: 'universal-machine' }
      const headers = { 'User-Agent': agent, 'Content-Type': 'application/json' }
      const answer = await fetch(`${nodes.url}/auth/login`, { method: 'POST', headers, body: JSON.stringify(json) })
      assert.equal(answer.status, 200)
    }
    const { page } = await visit(browser, nodes.url, { as: 'alan' })
    // The browser loses its cookie, so the session stays.
    await page.context().clearCookies()
    await haveSession(page, 'alan')
    const names = page.locator('#session-list strong')
    await names.filter({ hasText: 'Chrome on Linux, this session' }).waitFor()
    assert.deepEqual((await names.allTextContents()).slice(0, 6), [
      'Chrome on Linux, this session',
      'Chrome on Linux, this browser, earlier',
      'Program (curl)',
      'Fault drill (make chaos)',
      'Load test (k6)',
      'Load test (k6)',
    ])
    await page.request.post(`${nodes.url}/auth/login`, { data: { username: 'alan', password: 'universal-machine' } })
    await page
      .locator('#events li.replaced', { hasText: 'This browser, earlier: the session was replaced by a new login' })
      .waitFor()
  },
)
