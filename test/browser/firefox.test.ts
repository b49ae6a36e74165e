import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Firefox, firefoxPath, launchFirefox } from '../support/firefox.ts'
import { type PageNodes, startPageNodes } from '../support/page-nodes.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

// The main path of the page in Firefox. All other tests of the page run in Chromium.
const skip = firefoxPath ? false : 'Firefox is not installed'
let redis: TestRedis
let nodes: PageNodes
let firefox: Firefox

before(async () => {
  if (skip) return
  redis = await startTestRedis()
  nodes = await startPageNodes(redis.url, ['app-1', 'app-2', 'app-3'])
  firefox = await launchFirefox()
})
after(async () => {
  if (skip) return
  await firefox.close()
  await nodes.stop()
  await redis.stop()
})

const MOST_TABS = 60

/** Waits until an expression is true on the page. */
const holds = (expression: string) => until(expression, async () => (await firefox.evaluate(expression)) === true)
const text = async (selector: string) =>
  String(await firefox.evaluate(`document.querySelector('${selector}').textContent`))

/** Presses Tab until the element with the focus fits: a script with the element `it`. */
async function tabTo(fits: string): Promise<void> {
  const passed: unknown[] = []
  while (passed.length < MOST_TABS) {
    if ((await firefox.evaluate(`((it) => ${fits})(document.activeElement)`)) === true) return
    passed.push(await firefox.evaluate('document.activeElement.id || document.activeElement.textContent.slice(0, 20)'))
    await firefox.press('Tab')
  }
  assert.fail(`Tab does not reach ${fits}, only ${passed.join(', ')}`)
}

async function pressButton(name: string): Promise<void> {
  await tabTo(`it.tagName === 'BUTTON' && it.textContent.includes(${JSON.stringify(name)})`)
  await firefox.press('Enter')
}

test('in Firefox, a user logs in, sends requests, sees the lanes and does a lesson by keyboard, without an error', {
  skip,
}, async () => {
  await firefox.open(nodes.url)
  await holds(`document.querySelector('#feed-state.live') !== null && document.querySelectorAll('.node').length === 3`)
  await pressButton('Log in as ada')
  await holds(`document.querySelectorAll('#matrix td.honoured').length === 3`)
  await holds(`!document.getElementById('prove').disabled`)
  assert.match(await text('#sentence'), /created your session\. All 3 nodes honour it\.$/)

  await pressButton('Send a request')
  await pressButton('Table')
  await holds(`document.querySelectorAll('#lanes-rows tr.honoured').length >= 3`)
  await holds(`document.querySelectorAll('#lanes-rows tr.created').length === 1`)
  const isDrawn = `new Set(document.getElementById('lanes-canvas').getContext('2d').getImageData(0, 0, 600, 60).data).size > 5`
  await holds(isDrawn)

  // After the last element of the page, Tab leads to the window of Firefox. So this starts at the top again.
  await firefox.open(nodes.url)
  await holds(`document.querySelector('#feed-state.live') !== null && document.getElementById('ask').hidden === false`)
  await tabTo(`it.id === 'lessons-toggle'`)
  await firefox.press(' ')
  await holds(`!document.getElementById('lessons').hidden`)
  await pressButton('Any node')
  await tabTo(`it.type === 'radio'`)
  await firefox.press(' ')
  await pressButton('Send to each node')
  await holds(`document.querySelector('.lesson-progress .verdict')?.textContent === 'You predicted it.'`)
  assert.equal(await text('.lesson-progress .outcome'), 'app-1, app-2 and app-3 honoured your session.')
  assert.deepEqual(await firefox.complaints(), [])
})
