import assert from 'node:assert/strict'
import { alertWith, ask, haveSession, logIn, text, visit } from '../browser-page.ts'
import { startStopwatch } from '../stopwatch.ts'
import { until } from '../until.ts'
import type { PageWorld } from './world.ts'

/** The page reports what fails, and recovers by itself. */
export function testFailures({ guarantee, browser, stack }: PageWorld): void {
  guarantee(
    'while Redis is down, the page shows it within two seconds, keeps the session, and recovers by itself',
    async () => {
      const { page } = await visit(browser(), stack().url, { as: 'ada' })
      const id = await text(page, '#session-id')
      await stack().pauseRedis()
      // Without the time that the engine takes to pause it.
      const sincePaused = startStopwatch()
      try {
        await page.locator('#map-redis.away').waitFor()
        sincePaused.assertWithin(2_000, 'showing that Redis is down')
        await alertWith(page, 'You are still logged in').waitFor()
        await page.locator('#feed-state.behind', { hasText: 'is disconnected from Redis' }).waitFor()
        assert.ok(await page.locator('#session').isVisible())
        // A page opened now shows the same and is not blank.
        const late = await (await browser().newContext()).newPage()
        await late.goto(stack().url)
        await alertWith(late, 'Redis is not responding').waitFor()
        await late.context().close()
      } finally {
        await stack().resumeRedis()
      }
      await page.getByRole('alert').waitFor({ state: 'hidden' })
      await page.locator('#map-redis.ok').waitFor()
      await page.locator('#feed-state.live').waitFor()
      await page.locator('#events li.redis_back').first().waitFor()
      assert.equal(await text(page, '#session-id'), id)
      await ask(page)
    },
  )

  guarantee(
    'the page reports a wrong password; after too many it counts down until the next attempt is allowed',
    async () => {
      const { page } = await visit(browser(), stack().url)
      await page.getByLabel('User name').fill('alan')
      await page.getByLabel('Password', { exact: true }).fill('wrong')
      for (let guess = 0; guess < 5; guess++) {
        const answered = page.waitForResponse((response) => response.url().endsWith('/auth/login'))
        await page.getByRole('button', { name: 'Log in', exact: true }).click()
        await answered
        await alertWith(page, 'Incorrect user name or password').waitFor()
      }
      await page.getByRole('button', { name: 'Log in', exact: true }).click()
      await alertWith(page, /Too many failed logins\. Try again in 0:(0[1-9]|1[0-2])\./).waitFor()
      const left = async () => Number(/0:(\d\d)/.exec(await text(page, '#login-note'))?.[1])
      const before = await left()
      assert.ok(await page.getByRole('button', { name: 'Log in as alan' }).isDisabled())
      await until('the countdown decreases', async () => (await left()) < before)
      assert.ok(await page.getByRole('button', { name: 'Log in as ada' }).isEnabled(), 'other users may log in')
      // Independent of other alerts of the page.
      await page.getByRole('switch').click()
      await alertWith(page, 'make control').waitFor()
      await page.locator('#demo-accounts fieldset:enabled', { hasText: 'alan' }).waitFor()
      await logIn(page, 'alan')
    },
  )

  guarantee('a reload keeps the session, a logout ends it, and the browser reports no error', async () => {
    const { page, complaints } = await visit(browser(), stack().url, { as: 'ada' })
    // The page's own last request. A logout before its answer would make it fail, and the browser report that.
    const basket = page.waitForResponse((response) => response.url().endsWith('/api/session/data'))
    await page.reload()
    await page.getByRole('heading', { name: 'You are Ada Lovelace' }).waitFor()
    await page.locator('#session-list .current').waitFor()
    await basket
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    assert.equal(await text(page, '#map-user'), 'not logged in')
    await page.reload()
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    await page.locator('#feed-state.live').waitFor()
    assert.deepEqual(complaints, [])
  })

  guarantee('the page requests a file again that failed to load, and then works', async () => {
    const page = await (await browser().newContext()).newPage()
    let refusals = 0
    await page.route('**/map.js', (route) => (refusals++ === 0 ? route.abort() : route.continue()))
    await page.goto(stack().url)
    await page.locator('#feed-state.live').waitFor()
    assert.equal(refusals, 2)
    // A request that changes nothing is retried too.
    let drops = 0
    await page.route('**/api/user', (route) => (drops++ === 0 ? route.abort() : route.continue()))
    await haveSession(page)
    assert.equal(drops, 2)
    assert.equal(await page.getByRole('alert').count(), 0)
  })
}
