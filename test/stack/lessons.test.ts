import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { type ApartBrowser, launchApart } from '../support/apart.ts'
import { text, visit } from '../support/browser-page.ts'
import { chromiumPath } from '../support/chromium.ts'
import { createComposeStack, PATIENT_WITH_REDIS } from '../support/compose-stack.ts'
import {
  commandAfter,
  commandOf,
  hasHappened,
  openLesson,
  outcomeOf,
  predict,
  pressButton,
} from '../support/lesson-page.ts'
import { leavePages } from '../support/page-pool.ts'
import { until } from '../support/until.ts'

// The commands of the lessons, as the page shows them, on a real stack.
const skip = chromiumPath ? false : 'Chromium is not installed'
const PROJECT = 'sessions-test-lessons'
const stack = createComposeStack(PROJECT, PATIENT_WITH_REDIS)
let apart: ApartBrowser

before(async () => {
  if (skip) return
  await stack.choosePorts()
  // One command writes a file into the folder.
  await stack.useOwnCheckout()
  await stack.up()
  apart = await launchApart([Number(stack.env.PORT)])
})
after(async () => {
  if (skip) return
  await apart.close()
  await stack.down()
})

function guarantee(title: string, fn: (page: Page) => Promise<void>): void {
  test(`the commands of the lesson "${title}" do what the page waits for`, { skip }, async (t) => {
    const { page } = await visit(apart.browser, stack.url(), { as: 'ada' })
    t.after(() => leavePages(apart.browser))
    await openLesson(page, title)
    await fn(page)
  })
}

/** Runs a command in a shell, in the top folder of the project. The stack of this test has another name. */
const runIt = (line: string) =>
  stack.run(
    'bash',
    '-c',
    line
      .replaceAll('docker kill sessions-', `docker kill ${PROJECT}-`)
      .replaceAll('docker start sessions-', `docker start ${PROJECT}-`),
  )

async function assertOutcome(page: Page, expected: string): Promise<void> {
  const { choice, what } = await outcomeOf(page)
  assert.equal(choice, expected, what)
}

guarantee('Any node', async (page) => {
  await predict(page, 'Every node')
  await pressButton(page, 'Send to each node')
  const inShell = await commandOf(page, 2)
  await assertOutcome(page, 'Every node honours my session.')
  const servedBy = new Set<string | undefined>()
  // The page sends requests too, and each of them takes a turn.
  for (let run = 0; run < 5 && servedBy.size < 3; run++)
    for (const [, node] of (await runIt(inShell)).matchAll(/"servedBy":"(app-\d)"/g)) servedBy.add(node)
  assert.deepEqual([...servedBy].sort(), ['app-1', 'app-2', 'app-3'])
})

guarantee('Kill the creator', async (page) => {
  await predict(page, 'The other nodes')
  await runIt(await commandOf(page, 1))
  await assertOutcome(page, 'The other nodes honour it.')
  await runIt(await commandAfter(page))
  await page.locator('.node.gone').waitFor({ state: 'detached' })
})

guarantee('Drain and roll', async (page) => {
  await predict(page, 'None.')
  await runIt(await commandOf(page, 1))
  await assertOutcome(page, 'None.')
})

guarantee('What if each kept its own?', async (page) => {
  await predict(page, 'One:')
  await runIt(await commandOf(page, 1))
  await pressButton(page, 'Switch and log in')
  await assertOutcome(page, 'One: the node that created my session.')
  await runIt(await commandAfter(page))
})

guarantee('Logout is everywhere', async (page) => {
  await predict(page, 'All of them')
  await runIt(await commandOf(page, 1))
  await assertOutcome(page, 'All of them, at once.')
})

guarantee('Redis goes away', async (page) => {
  await predict(page, 'My requests fail')
  const [stop, start] = [await commandOf(page, 1), await commandOf(page, 2)]
  await runIt(stop)
  await hasHappened(page, 'Redis is away')
  await runIt(start)
  await assertOutcome(page, 'My requests fail meanwhile, and I stay logged in.')
})

guarantee('More nodes, then failover', async (page) => {
  await predict(page, 'Nothing.')
  await runIt(await commandOf(page, 1))
  await hasHappened(page, 'app-4 and app-5 honour your session')
  await runIt(await commandOf(page, 2))
  await assertOutcome(page, 'Nothing. Another node continues, without a gap.')
  await runIt(await commandAfter(page))
  await until('three nodes run', async () => (await text(page, '#node-count')) === 'three')
})

guarantee('A stolen cookie', async (page) => {
  await predict(page, 'The thief and I.')
  const [shorten, steal] = [await commandOf(page, 1), await commandOf(page, 3)]
  await runIt(shorten)
  await until('the token is replaced', async () => {
    await pressButton(page, 'Send a request')
    await page.locator('.lesson-steps button:enabled', { hasText: 'Send a request' }).waitFor()
    return (await page.locator('.lesson-progress .happened').count()) > 0
  })
  // The new token has to be used first, and then the grace period has to pass.
  await pressButton(page, 'Send a request')
  await until('the thief is rejected', async () => (await runIt(steal)).includes('Not logged in'))
  await assertOutcome(page, 'The thief and I.')
  await runIt(await commandAfter(page))
})
