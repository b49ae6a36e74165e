import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { alertWith, ask, haveSession, logIn, text, tokenOf, visit } from '../browser-page.ts'
import { MOVING } from '../page-pool.ts'
import { startStopwatch } from '../stopwatch.ts'
import { until } from '../until.ts'
import { NODES, type PageWorld } from './world.ts'

const cell = (page: Page, createdOn: string, servedBy: string) =>
  page
    .locator('#matrix tbody tr', { has: page.getByRole('rowheader', { name: createdOn }) })
    .locator('td')
    .nth(NODES.indexOf(servedBy))

/** The page shows which node served which session. */
export function testMatrix({ guarantee, browser, stack }: PageWorld): void {
  guarantee('one click logs in, and within ten seconds the page shows that three nodes share the session', async () => {
    const { page, complaints } = await visit(browser(), stack().url, MOVING)
    const sinceClick = startStopwatch()
    await page.getByRole('button', { name: 'Log in as ada' }).click()
    await page.locator('#matrix td.honoured').nth(2).waitFor()
    sinceClick.assertWithin(10_000, 'showing that three nodes share the session')
    const createdOn = await text(page, '#created-on')
    for (const servedBy of NODES)
      assert.match((await cell(page, createdOn, servedBy).textContent()) ?? '', /^\d+honoured$/)
    assert.equal(await page.locator('.node.origin').count(), 1)
    assert.match(await text(page, '.node.origin'), new RegExp(`^${createdOn}.*created your session$`))
    assert.match(await text(page, '#sentence'), new RegExp(`${createdOn} created your session`))
    assert.deepEqual(complaints, [])
  })

  guarantee('the page shows and counts each request at the node that served it', async () => {
    const { page, complaints } = await visit(browser(), stack().url, MOVING)
    // All responses that this page has received, also to its own requests.
    const answers: string[] = []
    page.on('framenavigated', () => answers.splice(0))
    page.on('response', async (response) => {
      if (response.request().resourceType() === 'fetch') answers.push((await response.headerValue('x-served-by')) ?? '')
    })
    // The page's own request, a second after it has seen the session. It must not come between a request and its mark.
    const basket = page.waitForResponse((response) => response.url().endsWith('/api/session/data'))
    await haveSession(page)
    await page.locator('#session-list .current').waitFor()
    await basket
    const shown = (node: string) =>
      text(page, `.node[data-node="${node}"] .served`).then((words) => Number.parseInt(words, 10))
    const isCounted = async () => {
      for (const node of NODES)
        if ((await shown(node)) !== answers.filter((servedBy) => servedBy === node).length) return false
      return true
    }
    const seen = new Set<string>()
    for (let asked = 0; seen.size < 3 && asked < 30; asked++) {
      const travelling = page.locator('.dot').first().waitFor({ state: 'attached' })
      const servedBy = await ask(page)
      await travelling
      assert.equal(await page.locator('.node.answered').getAttribute('data-node'), servedBy)
      await until('every response is counted at its node', isCounted)
      seen.add(servedBy)
    }
    assert.deepEqual([...seen].sort(), NODES)
    assert.ok(answers.length > 3 && answers.every((servedBy) => NODES.includes(servedBy)))
    await page.locator('.dot').first().waitFor({ state: 'detached' })
    assert.deepEqual(complaints, [])
  })

  guarantee(
    '"Check every node" fills the row of a session, and "Log in on every node" all nine cells, without a rejected one',
    async () => {
      const { page, complaints } = await visit(browser(), stack().url)
      await logIn(page, 'grace')
      const createdOn = await text(page, '#created-on')
      const counts = () =>
        Promise.all(
          NODES.map(async (node) => Number.parseInt((await cell(page, createdOn, node).textContent()) ?? '', 10)),
        )
      const before = await counts()
      await page.getByRole('button', { name: 'Check every node' }).click()
      await page.locator('#prove:enabled').waitFor()
      for (const [place, count] of (await counts()).entries()) assert.ok(count >= (before[place] ?? 0) + 3)
      await page.getByRole('button', { name: 'Log in on every node' }).click()
      await page.locator('#prove-all:enabled').waitFor()
      assert.equal(await page.locator('#matrix td.honoured').count(), 9)
      assert.equal(await page.locator('#matrix td.rejected').count(), 0)
      assert.deepEqual(complaints, [])
    },
  )

  guarantee('a live session that a node rejects makes a red cell', async () => {
    const { page } = await visit(browser(), stack().url, { as: 'ada' })
    const createdOn = await text(page, '#created-on')
    await stack().redis('DEL', `session:${await tokenOf(page)}`)
    const answered = page.waitForResponse((response) => response.url().endsWith('/api/user'))
    await page.getByRole('button', { name: 'Send a request' }).click()
    const servedBy = (await (await answered).headerValue('x-served-by')) ?? ''
    await alertWith(page, 'Your session no longer exists, and the server does not know why').waitFor()
    assert.match((await cell(page, createdOn, servedBy).textContent()) ?? '', /1rejected$/)
    assert.match((await cell(page, createdOn, servedBy).getAttribute('class')) ?? '', /rejected/)
    assert.ok(await page.getByRole('heading', { name: 'Log in' }).isVisible())
  })
}
