import assert from 'node:assert/strict'
import type { Browser, Page, Request } from 'playwright-core'
import { ask, text, tokenOf, visit } from '../support/browser-page.ts'
import {
  assertStillWaiting,
  hasHappened,
  hasRemarked,
  openLesson,
  outcomeOf,
  predict,
  pressButton,
} from '../support/lesson-page.ts'
import { CONTROL_ENV, CONTROL_NODES, type PageNodes } from '../support/page-nodes.ts'
import { testPageOn } from '../support/page-tests.ts'
import type { TestRedis } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

// For each lesson: the thing does not happen, or something else does, and the page does not say that it happened.
const NAMES = ['app-1', 'app-2', 'app-3']
let redis: TestRedis
let nodes: PageNodes
let browser: Browser

const guarantee = testPageOn(NAMES, (started) => {
  ;({ redis, nodes, browser } = started)
})

/** A lesson whose first choice is predicted. */
async function startLesson(title: string, prediction: string): Promise<{ page: Page; createdOn: string }> {
  const { page } = await visit(browser, nodes.url, { as: 'ada' })
  await openLesson(page, title)
  await predict(page, prediction)
  return { page, createdOn: await text(page, '#created-on') }
}

const streamOf = async (page: Page) => (await text(page, '#feed-state')).replace('Connected to ', '')
const anotherThan = (...names: string[]) => NAMES.find((name) => !names.includes(name)) ?? ''

guarantee(
  '"Any node": with a session that Redis has lost, the lesson does not say that each node honours it',
  async () => {
    const { page } = await startLesson('Any node', 'Every node honours my session.')
    await assertStillWaiting(page, 'Waiting for it to happen.')
    await redis.inspector.del(`session:${await tokenOf(page)}`)
    await pressButton(page, 'Send to each node')
    const { what, choice } = await outcomeOf(page)
    assert.match(what, /^app-\d rejected your session\.$/)
    assert.equal(choice, '')
  },
)

guarantee('"Any node": what happened before the prediction does not count', async () => {
  const { page } = await visit(browser, nodes.url, { as: 'ada' })
  for (let asked = 0; asked < 6; asked++) await ask(page)
  await openLesson(page, 'Any node')
  for (let asked = 0; asked < 6; asked++) await ask(page)
  await predict(page, 'Every node honours my session.')
  await assertStillWaiting(page, 'Waiting for it to happen.')
})

guarantee(
  '"Kill the creator": another node that dies, and a creator that drains, are not the death of the creator',
  async () => {
    const { page, createdOn } = await startLesson('Kill the creator', 'The other nodes honour it.')
    const other = anotherThan(createdOn)
    await nodes.kill(other)
    await hasRemarked(page, `${other} died, but ${createdOn} created your session.`)
    await nodes.add(other)
    await nodes.drain(createdOn)
    await hasRemarked(page, `${createdOn} was stopped, not killed`)
    await ask(page)
    await assertStillWaiting(page, 'Waiting for it to happen.')
    await nodes.add(createdOn)
  },
)

guarantee('"Kill the creator": a session that is lost with its node is not called honoured', async () => {
  const { page, createdOn } = await startLesson('Kill the creator', 'The other nodes honour it.')
  await redis.inspector.del(`session:${await tokenOf(page)}`)
  await nodes.kill(createdOn)
  const { what, choice } = await outcomeOf(page)
  assert.match(what, /^app-\d rejected your session\.$/)
  assert.equal(choice, 'I am logged out.')
  await nodes.add(createdOn)
})

guarantee('"Drain and roll": the restart of two nodes, or the death of one, is not the restart of all', async () => {
  const { page } = await startLesson('Drain and roll', 'None.')
  for (const name of ['app-1', 'app-2']) {
    await nodes.drain(name)
    await nodes.add(name)
  }
  await hasHappened(page, 'app-2 has restarted.')
  await nodes.kill('app-3')
  await hasRemarked(page, 'app-3 died. It did not drain.')
  await nodes.add('app-3')
  await page.locator('.node[data-node="app-3"]:not(.gone)').waitFor()
  await assertStillWaiting(page, 'Waiting for app-3 to restart.')
})

guarantee('"Drain and roll": behind a balancer without failover, the page counts requests that failed', async () => {
  const { page } = await startLesson('Drain and roll', 'None.')
  let failed = 0
  const isCounted = (request: Request) => request.url().endsWith('/api/user')
  page.on('requestfailed', (request) => void (isCounted(request) && failed++))
  page.on('response', (response) => void (isCounted(response.request()) && response.status() >= 500 && failed++))
  for (const name of NAMES) {
    nodes.setFailover(false)
    await nodes.drain(name)
    await until('a request of the page has failed', () => failed > 0)
    nodes.setFailover(true)
    // So that the page counts no failed request of this node for the next one.
    await until('the page is connected to another node', async () => {
      const stream = await streamOf(page)
      return NAMES.includes(stream) && stream !== name
    })
    await nodes.add(name)
    if (name !== NAMES.at(-1)) await hasHappened(page, `${name} has restarted.`)
  }
  const { what, choice } = await outcomeOf(page)
  assert.match(what, /Of \d+ requests, [1-9]\d* failed\.$/)
  assert.equal(choice, 'Some: those that reach a node while it stops.')
})

guarantee(
  '"What if each kept its own?": without such nodes the lesson says what to run, and goes on waiting',
  async () => {
    const { page } = await startLesson('What if each kept its own?', 'One: the node')
    await pressButton(page, 'Switch and log in')
    await page.locator('#lesson-note', { hasText: 'The control nodes are not up' }).waitFor()
    await assertStillWaiting(page, 'Waiting for it to happen.')
  },
)

guarantee(
  '"What if each kept its own?": nodes that share their sessions after all are not called separate',
  async () => {
    const { SESSION_COOKIE } = CONTROL_ENV
    for (const name of CONTROL_NODES) await nodes.add(name, { SESSION_COOKIE, KEY_PREFIX: 'control:' })
    const { page } = await startLesson('What if each kept its own?', 'One: the node')
    await pressButton(page, 'Switch and log in')
    const { what, choice } = await outcomeOf(page)
    assert.equal(what, 'control-1, control-2 and control-3 honoured your session.')
    assert.equal(choice, 'All three.')
    for (const name of CONTROL_NODES) await nodes.kill(name)
  },
)

guarantee(
  '"Logout is everywhere": the end of another session, and a logout by this page, are not what it waits for',
  async () => {
    const { page } = await startLesson('Logout is everywhere', 'All of them, at once.')
    const other = await visit(browser, nodes.url, { as: 'ada' })
    await other.page.getByRole('button', { name: 'Log out' }).click()
    await page.locator('#events li.logout').waitFor()
    await assertStillWaiting(page, 'Waiting for it to happen.')
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.locator('.lesson-need', { hasText: 'This lesson needs a session.' }).waitFor()
    assert.equal(await page.locator('.lesson-progress .outcome').count(), 0)
  },
)

guarantee('"A stolen cookie": a token that is replaced, and used by nobody else, ends nothing', async () => {
  for (const name of NAMES) {
    await nodes.kill(name)
    await nodes.add(name, { SESSION_ROTATE: '1', SESSION_ROTATE_GRACE: '1', SESSION_RENEW_SECONDS: '0' })
  }
  const { page } = await startLesson('A stolen cookie', 'The thief and I.')
  const first = await tokenOf(page)
  await until('the token is replaced twice', async () => {
    const before = await tokenOf(page)
    await pressButton(page, 'Send a request')
    await page.locator('.lesson-steps button:enabled', { hasText: 'Send a request' }).waitFor()
    return before !== first && (await tokenOf(page)) !== before
  })
  await hasHappened(page, /app-\d replaced your token/)
  await assertStillWaiting(page, 'Waiting for the thief.')
  for (const name of NAMES) {
    await nodes.kill(name)
    await nodes.add(name)
  }
})

guarantee('"Redis goes away": sessions that Redis has lost meanwhile are not called kept', async () => {
  const { page } = await startLesson('Redis goes away', 'My requests fail meanwhile')
  await assertStillWaiting(page, 'Waiting for it to happen.')
  await redis.inspector.del(`session:${await tokenOf(page)}`)
  redis.pause()
  await hasHappened(page, /Redis is away/)
  await assertStillWaiting(page, 'Waiting for Redis to be back.')
  redis.resume()
  const { what, choice } = await outcomeOf(page)
  assert.match(what, /^app-\d rejected your session\.$/)
  assert.equal(choice, 'I am logged out.')
})

guarantee(
  '"More nodes, then failover": one more node, a reconnection and the death of a node without the stream are not it',
  async () => {
    const { page } = await startLesson('More nodes, then failover', 'Nothing.')
    await nodes.add('app-4')
    await hasHappened(page, 'app-4 joined.')
    await assertStillWaiting(page, 'Waiting for a second new node.')
    await nodes.add('app-5')
    await hasHappened(page, 'app-4 and app-5 honour your session')
    const victim = anotherThan(await streamOf(page), 'app-4', 'app-5')
    await nodes.kill(victim)
    await page.locator(`.node.gone[data-node="${victim}"]`).waitFor()
    await assertStillWaiting(page, 'Waiting for the failover.')
    // The stream breaks, and the page connects again, perhaps to another node. No node has died.
    const stream = await streamOf(page)
    await until('the stream comes from another node', async () => {
      const connectedAgain = page.waitForResponse((response) => response.url().includes('/api/events'))
      nodes.disconnect()
      await connectedAgain
      await page.locator('#feed-state.live').waitFor()
      return (await streamOf(page)) !== stream
    })
    await assertStillWaiting(page, 'Waiting for the failover.')
  },
)
