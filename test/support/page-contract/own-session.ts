import assert from 'node:assert/strict'
import { fingerprintOf } from 'app/sessions/session-token'
import type { Page } from 'playwright-core'
import { ask, openPage, text, tokenOf, visit } from '../browser-page.ts'
import { until } from '../until.ts'
import { makeOlder } from './older.ts'
import type { PageWorld } from './world.ts'

/** The content of this browser's clipboard. The page's policy forbids reading it, so it is pasted on another page. */
async function pasted(page: Page): Promise<string> {
  const elsewhere = await page.context().newPage()
  await elsewhere.setContent('<textarea></textarea>')
  await elsewhere.locator('textarea').focus()
  await elsewhere.keyboard.press('ControlOrMeta+V')
  const copied = await elsewhere.locator('textarea').inputValue()
  await elsewhere.close()
  return copied
}

/** The page shows the session as it is stored, and a replaced token. */
export function testOwnSession({ guarantee, browser, stack }: PageWorld): void {
  guarantee(
    'the page shows the session as stored in Redis: origin, masked token, countdowns, and commands to inspect it',
    async () => {
      const { page } = await visit(browser(), stack().url, { as: 'ada' })
      const token = await tokenOf(page)
      assert.equal(await text(page, '#token'), `${token.slice(0, 6)}••••••`)
      assert.ok(!(await page.content()).includes(token), 'the page contains the token')
      const record = JSON.parse(await stack().redis('GET', `session:${token}`))
      assert.equal(await text(page, '#created-on'), record.createdOn)
      assert.equal(await text(page, '#session-id'), fingerprintOf(token))
      const secondsIn = (time: string) => time.split(':').reduce((sum, part) => 60 * sum + Number(part), 0)
      // Redis is read before the page, so time passes in between. The page may not know the last renewal and then shows less.
      const ttl = Number(await stack().redis('TTL', `session:${token}`))
      const shown = secondsIn(await text(page, '#idle'))
      assert.ok(shown <= ttl + 1 && shown > ttl - 10, `${shown} shown, ${ttl} left`)
      await until('the countdown decreases', async () => secondsIn(await text(page, '#idle')) < shown)
      assert.ok(Math.abs(secondsIn(await text(page, '#absolute')) - 43_200) < 30)
      for (const command of ['GET', 'TTL']) {
        assert.equal(
          await text(page, `#command-${command}`),
          `deploy/redis-cli ${command} "$(deploy/redis-cli --scan --pattern 'session:${token.slice(0, 6)}*')"`,
        )
      }
      await page.context().grantPermissions(['clipboard-write'])
      await page.getByRole('button', { name: 'Copy the TTL command' }).click()
      await page.getByRole('button', { name: 'Copy the TTL command' }).filter({ hasText: 'Copied' }).waitFor()
      assert.equal(await pasted(page), await text(page, '#command-TTL'))
    },
  )

  guarantee(
    'the page shows a replaced token immediately, with the time, and every page of the user lists it in its feed',
    async () => {
      const { page } = await visit(browser(), stack().url, { as: 'grace' })
      const other = await openPage(page.context(), stack().url)
      const old = await tokenOf(page)
      assert.equal(await text(page, '#rotated-at'), 'not yet')
      await makeOlder(stack(), old, 1_200)
      const askAgain = async () => {
        await ask(page)
        return (await tokenOf(page)) !== old
      }
      await until('the token is replaced', askAgain, 30_000)
      for (const window of [page, other.page]) {
        await window.locator('#events li.rotated', { hasText: 'This session got a new token' }).first().waitFor()
        const masked = `${(await tokenOf(page)).slice(0, 6)}••••••`
        await window.locator('#token', { hasText: masked }).waitFor()
        assert.notEqual(await text(window, '#rotated-at'), 'not yet')
      }
      assert.equal(await page.locator('#events li.rotated').count(), 1, 'the feed shows a rotation once')
    },
  )
}
