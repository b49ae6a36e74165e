import assert from 'node:assert/strict'
import { alertWith, logIn, text, tokenOf, visit } from '../browser-page.ts'
import { startStopwatch } from '../stopwatch.ts'
import { makeOlder } from './older.ts'
import type { PageWorld } from './world.ts'

/** The page lists and revokes the other sessions of the user. */
export function testOtherSessions({ guarantee, browser, stack }: PageWorld): void {
  guarantee(
    'the page lists other sessions without a reload; one click revokes one, and its page shows it within a second',
    async () => {
      const [first, second] = [await visit(browser(), stack().url), await visit(browser(), stack().url)]
      await logIn(first.page, 'grace')
      await logIn(second.page, 'grace')
      const items = first.page.locator('#session-list li')
      await items.filter({ hasText: 'Chrome on Linux' }).nth(1).waitFor()
      const secondId = await text(second.page, '#session-id')
      assert.match(
        (await items.filter({ hasText: 'this session' }).textContent()) ?? '',
        // The page does not show an address that many clients share.
        /(\d+\.\d+\.\d+\.\d+|address unknown), created on app-\d at .*last seen /,
      )
      // The newest session, that of the second browser, is first.
      const sinceRevoked = startStopwatch()
      await items
        .first()
        .getByRole('button', { name: /^Revoke the session of Chrome on Linux/ })
        .click()
      await alertWith(second.page, 'Your session was revoked from another one of yours').waitFor()
      sinceRevoked.assertWithin(1_000, 'showing the revocation')
      assert.ok(await second.page.getByRole('heading', { name: 'Log in' }).isVisible())
      assert.equal(
        await second.page.locator('#session-list li').count(),
        0,
        'the page shows nothing of the ended session',
      )
      assert.ok(!(await second.page.content()).includes(secondId))

      await logIn(second.page, 'grace')
      await first.page.getByRole('button', { name: 'Revoke all others' }).click()
      await alertWith(second.page, 'Your session was revoked from another one of yours').waitFor()
      await items.nth(1).waitFor({ state: 'detached' })
      assert.ok(await first.page.getByRole('button', { name: 'Revoke all others' }).isHidden())
      assert.deepEqual([...first.complaints, ...second.complaints], [])
    },
  )

  guarantee(
    '7.5.2: without a recent login, the page requests the password before it ends another session',
    async () => {
      const other = await visit(browser(), stack().url, { as: 'alan' })
      const own = await visit(browser(), stack().url, { as: 'alan' })
      const { page } = own
      await makeOlder(stack(), await tokenOf(page), 660)
      await page.getByRole('button', { name: 'Revoke all others' }).click()
      const password = page.getByLabel('Enter your password again')
      await password.fill('wrong')
      await page.getByRole('button', { name: 'Confirm' }).click()
      await alertWith(page, 'Incorrect user name or password').waitFor()
      await password.fill('universal-machine')
      await page.getByRole('button', { name: 'Confirm' }).click()
      await alertWith(other.page, 'Your session was revoked from another one of yours').waitFor()
      await page.locator('#session-list li').nth(1).waitFor({ state: 'detached' })
      await page.getByRole('heading', { name: 'You are Alan Turing' }).waitFor()
      assert.equal(await page.getByRole('alert').count(), 0)
    },
  )
}
