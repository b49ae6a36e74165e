import assert from 'node:assert/strict'
import type { Browser, Page } from 'playwright-core'
import { text, tokenOf, visit } from '../support/browser-page.ts'
import { succeed, TOP } from '../support/command.ts'
import { commandOf, hasHappened, NO, openLesson, outcomeOf, predict, pressButton, YES } from '../support/lesson-page.ts'
import { CONTROL_ENV, CONTROL_NODES, type PageNodes } from '../support/page-nodes.ts'
import { testPageOn } from '../support/page-tests.ts'
import type { TestRedis } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

// Each lesson of the page, by keyboard alone. test/stack/lessons.test.ts runs the commands that need Docker.
const NAMES = ['app-1', 'app-2', 'app-3']
let redis: TestRedis
let nodes: PageNodes
let browser: Browser

const guarantee = testPageOn(NAMES, (started) => {
  ;({ redis, nodes, browser } = started)
})

async function openPageWithSession(title: string): Promise<{ page: Page; createdOn: string }> {
  const { page } = await visit(browser, nodes.url, { as: 'ada' })
  await openLesson(page, title)
  return { page, createdOn: await text(page, '#created-on') }
}

guarantee('lesson "Any node": each node honours the session', async () => {
  const { page, complaints } = await visit(browser, nodes.url)
  await openLesson(page, 'Any node')
  await pressButton(page, 'Log in as ada')
  await page.getByRole('heading', { name: /You are/ }).waitFor()
  await predict(page, 'Every node honours my session.')
  await pressButton(page, 'Send to each node')
  assert.deepEqual(await outcomeOf(page), {
    what: 'app-1, app-2 and app-3 honoured your session.',
    choice: 'Every node honours my session.',
    verdict: YES,
  })
  await pressButton(page, 'Next lesson')
  await page.getByRole('heading', { name: 'Kill the creator' }).waitFor()
  assert.equal(await text(page, '#lessons-title'), 'Lesson 2 of 8')
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Shift+Tab')
  await pressButton(page, 'All lessons')
  await page.locator('.lesson-list button', { hasText: /Any node.*as predicted/ }).waitFor()
  await page.keyboard.press('Escape')
  await page.locator('#lessons').waitFor({ state: 'hidden' })
  assert.equal(await page.evaluate('document.activeElement.id'), 'lessons-toggle')
  assert.deepEqual(complaints, [])
})

guarantee('an open lesson leaves the map and the lanes on the first screen of a laptop, and prints', async () => {
  const { page } = await visit(browser, nodes.url, { as: 'ada', viewport: { width: 1280, height: 800 } })
  await openLesson(page, 'Any node')
  await page.evaluate('scrollTo(0, 0)')
  const { y = 0, height = 0 } = (await page.locator('#lanes-canvas').boundingBox()) ?? {}
  assert.ok(y + height <= 800, `the lanes end at ${y + height}`)
  const panel = await page.locator('#lessons').boundingBox()
  assert.ok(panel && panel.y < 200, 'the lesson begins beside the map')
  await page.emulateMedia({ media: 'print' })
  assert.ok(await page.locator('.question').isVisible())
  for (const button of await page.getByRole('button').all()) assert.ok(await button.isHidden())
})

guarantee('a reload keeps the open lesson, its prediction and its outcome, and a link can open a lesson', async () => {
  const { page } = await openPageWithSession('Any node')
  await predict(page, 'All my requests reach')
  await page.reload()
  await page.locator('.lesson-progress .next').waitFor()
  assert.ok(await page.getByLabel('All my requests reach').isChecked())
  await pressButton(page, 'Send to each node')
  await outcomeOf(page)
  await page.reload()
  assert.equal((await outcomeOf(page)).verdict, NO)
  await page.goto(`${nodes.url}/#redis-away`)
  await page.getByRole('heading', { name: 'Redis goes away' }).waitFor()
})

guarantee('lesson "Kill the creator": the other nodes honour the session', async () => {
  const { page, createdOn } = await openPageWithSession('Kill the creator')
  await predict(page, 'I am logged out.')
  assert.equal(await commandOf(page, 1), `docker kill sessions-${createdOn}`)
  await nodes.kill(createdOn)
  await hasHappened(page, `${createdOn} died.`)
  const others = NAMES.filter((name) => name !== createdOn).join(' and ')
  assert.deepEqual(await outcomeOf(page), {
    what: `${createdOn} is gone. ${others} honour the session that it created.`,
    choice: 'The other nodes honour it.',
    verdict: NO,
  })
  await nodes.add(createdOn)
})

guarantee('lesson "Drain and roll": no request fails while all nodes restart', async () => {
  const { page } = await openPageWithSession('Drain and roll')
  await predict(page, 'None.')
  for (const name of NAMES) {
    await nodes.drain(name)
    // The next message replaces it.
    await hasHappened(page, `${name} drains.`)
    await nodes.add(name)
  }
  const { what, choice, verdict } = await outcomeOf(page)
  assert.match(what, /^app-1, app-2 and app-3 have restarted\. Of [1-9]\d* requests, none failed\.$/)
  assert.deepEqual([choice, verdict], ['None.', YES])
})

/** Ends the event stream of the page. It cannot open another one until the returned function is called. */
async function disconnectEvents(page: Page): Promise<() => Promise<void>> {
  const path = '**/api/events*'
  await page.route(path, (route) => route.abort())
  nodes.disconnect()
  await page.locator('#feed-state.lost').waitFor()
  return () => page.unroute(path)
}

guarantee('a lesson also counts what has happened while the page was disconnected', async () => {
  const { page } = await openPageWithSession('Drain and roll')
  await predict(page, 'None.')
  const [first = ''] = NAMES
  await nodes.drain(first)
  await hasHappened(page, `${first} drains.`)
  const reconnect = await disconnectEvents(page)
  await nodes.add(first)
  await until('its start is published', async () => {
    const events = await redis.inspector.xRevRange('events', '+', '-', { COUNT: 1 })
    return JSON.stringify(events).includes('node_up')
  })
  await reconnect()
  await hasHappened(page, `${first} has restarted.`)
})

guarantee('"Drain and roll" starts over if all nodes restarted while the page was disconnected', async () => {
  const { page } = await openPageWithSession('Drain and roll')
  await predict(page, 'None.')
  const reconnect = await disconnectEvents(page)
  for (const name of NAMES) {
    await nodes.drain(name)
    await nodes.add(name)
  }
  await reconnect()
  await hasHappened(page, 'All nodes have restarted, but this page has sent no request meanwhile.')
  for (const name of NAMES) {
    await nodes.drain(name)
    await hasHappened(page, `${name} drains.`)
    await nodes.add(name)
  }
  assert.match((await outcomeOf(page)).what, /^app-1, app-2 and app-3 have restarted\. Of [1-9]/)
})

guarantee('a lesson counts each event once, and none from before its start', async () => {
  const { page } = await visit(browser, nodes.url)
  const counted = await page.evaluate(`import('/lessons/attempt.js').then(({ startAttempt }) => {
    const counted = []
    const lesson = { watch: () => ({ event }) => counted.push(event.id) }
    const attempt = startAttempt({ lesson, start: { sessionId: '' }, onChange() {} })
    const now = performance.now()
    const see = (id, isReplayed, at) => attempt.see({ kind: 'server', at, event: { id, isReplayed, type: 'node_up', node: 'app-1' } })
    see('1-0', true, now - 60_000)
    see('2-0', false, now)
    see('2-0', true, now)
    see('3-0', true, now)
    see('3-0', false, now)
    return counted
  })`)
  // An event that is not kept has the id of the one before.
  assert.deepEqual(counted, ['2-0', '3-0', '3-0'])
})

guarantee('lesson "What if each kept its own?": two of three nodes reject the session', async () => {
  for (const name of CONTROL_NODES) await nodes.add(name, CONTROL_ENV)
  const { page } = await visit(browser, nodes.url)
  await openLesson(page, 'What if each kept its own?')
  await predict(page, 'All three.')
  assert.equal(await commandOf(page, 1), 'make control')
  await pressButton(page, 'Switch and log in')
  const { what, choice, verdict } = await outcomeOf(page)
  assert.match(what, /^control-\d honoured your session\. control-\d and control-\d rejected it\.$/)
  assert.deepEqual([choice, verdict], ['One: the node that created my session.', NO])
  await pressButton(page, 'Next lesson')
  await pressButton(page, 'Turn off the switch')
  await page.locator('.lesson-need', { hasText: 'needs a session' }).waitFor()
  for (const name of CONTROL_NODES) await nodes.kill(name)
})

guarantee('lesson "Logout is everywhere": each node rejects the cookie of an ended session', async () => {
  const { page } = await openPageWithSession('Logout is everywhere')
  await predict(page, 'All of them, at once.')
  assert.equal(await commandOf(page, 1), 'make end-sessions USER=ada')
  await endSessions('ada')
  await hasHappened(page, 'Your session was revoked by an administrator.')
  assert.deepEqual(await outcomeOf(page), {
    what: 'app-1, app-2 and app-3 rejected your cookie.',
    choice: 'All of them, at once.',
    verdict: YES,
  })
})

guarantee('lesson "A stolen cookie": the second use of a replaced token ends the session', async () => {
  const rotating = { SESSION_ROTATE: '2', SESSION_ROTATE_GRACE: '1', SESSION_RENEW_SECONDS: '0' }
  await restartAll(rotating)
  const { page } = await openPageWithSession('A stolen cookie')
  await predict(page, 'Only the thief.')
  const copied = await tokenOf(page)
  assert.ok((await commandOf(page, 3)).includes(`--pattern 'session:${copied.slice(0, 6)}*'`))
  await until('the token is replaced and the new one used', async () => {
    const before = await tokenOf(page)
    await pressButton(page, 'Send a request')
    await page.locator('.lesson-steps button:enabled', { hasText: 'Send a request' }).waitFor()
    return before !== copied
  })
  await hasHappened(page, /app-\d replaced your token/)
  await until('the thief is rejected', async () => (await useToken(copied)) === 401)
  const { what, choice, verdict } = await outcomeOf(page)
  assert.match(what, /^The old token reached app-\d\. It rejected the thief, and ended your session\.$/)
  assert.deepEqual([choice, verdict], ['The thief and I.', NO])
  await restartAll()
})

guarantee('lesson "Redis goes away": requests fail, and the session is still there afterwards', async () => {
  const { page } = await openPageWithSession('Redis goes away')
  await predict(page, 'My requests fail meanwhile, and I stay logged in.')
  assert.deepEqual(
    [await commandOf(page, 1), await commandOf(page, 2)],
    ['docker compose stop redis', 'docker compose start redis'],
  )
  redis.pause()
  await hasHappened(page, /Redis is away: app-\d answers 503\./)
  redis.resume()
  const { what, choice, verdict } = await outcomeOf(page)
  assert.equal(what, 'Redis is back, and app-1, app-2 and app-3 honour the same session.')
  assert.deepEqual([choice, verdict], ['My requests fail meanwhile, and I stay logged in.', YES])
})

guarantee('lesson "More nodes, then failover": new nodes honour the session, and the events continue', async () => {
  const { page } = await openPageWithSession('More nodes, then failover')
  await predict(page, 'Nothing. Another node continues, without a gap.')
  assert.equal(await commandOf(page, 1), 'make scale N=5')
  for (const name of ['app-4', 'app-5']) await nodes.add(name)
  await hasHappened(page, 'app-4 and app-5 honour your session, which is older than they are.')
  const stream = (await text(page, '#feed-state')).replace('Connected to ', '')
  assert.equal(await commandOf(page, 2), `docker kill sessions-${stream}`)
  await nodes.kill(stream)
  const { what, choice, verdict } = await outcomeOf(page)
  assert.match(what, new RegExp(`^${stream} is gone\\. app-\\d continues your live events, without a gap\\.$`))
  assert.deepEqual([choice, verdict], ['Nothing. Another node continues, without a gap.', YES])
  for (const name of ['app-4', 'app-5']) if (name !== stream) await nodes.kill(name)
  if (NAMES.includes(stream)) await nodes.add(stream)
})

/** What `make end-sessions` runs in a node. */
async function endSessions(user: string): Promise<void> {
  await succeed('node', ['app/dist/src/admin/end-sessions.js', user], { REDIS_URL: redis.url }, TOP)
}

/** Asks with this cookie, which belongs to somebody else. */
const useToken = async (token: string) =>
  (await fetch(`${nodes.url}/api/user`, { headers: { Cookie: `sid=${token}` } })).status

async function restartAll(env: Record<string, string> = {}): Promise<void> {
  for (const name of NAMES) {
    await nodes.kill(name)
    await nodes.add(name, env)
  }
}
