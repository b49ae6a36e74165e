import assert from 'node:assert/strict'
import { alertWith, ask, haveSession, openPage, text, visit } from '../browser-page.ts'
import { within } from '../stopwatch.ts'
import { until } from '../until.ts'
import type { PageWorld } from './world.ts'

/** What happens in one window shows in the others of the same user. */
export function testWindows({ guarantee, browser, stack }: PageWorld): void {
  guarantee('a logout or a login as another user shows in the other window within a second', async () => {
    const { page } = await visit(browser(), stack().url, { as: 'ada' })
    const other = await openPage(page.context(), stack().url)
    await other.page.getByRole('heading', { name: 'You are Ada Lovelace' }).waitFor()
    const leaving = page.waitForResponse((response) => response.url().endsWith('/auth/logout'))
    await page.getByRole('button', { name: 'Log out' }).click()
    await leaving
    await within(1_000, 'showing the logout', () => alertWith(other.page, 'You logged out in another window').waitFor())
    assert.equal(await page.getByRole('alert').count(), 0, 'the window of the logout shows no alert')

    await haveSession(page)
    await other.page.reload()
    await other.page.getByRole('heading', { name: 'You are Ada Lovelace' }).waitFor()
    const response = await page.request.post(`${stack().url}/auth/login`, {
      data: { username: 'grace', password: 'nanosecond' },
    })
    assert.equal(response.status(), 200)
    for (const window of [page, other.page]) {
      await window.getByRole('heading', { name: 'You are Grace Hopper' }).waitFor()
      await window.locator('#events li').first().waitFor()
    }
    assert.match(await text(page, '#map-user'), /grace/)
    // A new login of the same user creates another session and shows no alert about the end of the old one.
    const before = await text(page, '#session-id')
    await page.request.post(`${stack().url}/auth/login`, { data: { username: 'grace', password: 'nanosecond' } })
    for (const window of [page, other.page]) {
      await until('the new session is shown', async () => ![before, ''].includes(await text(window, '#session-id')))
      assert.equal(await window.getByRole('alert').count(), 0)
      assert.equal(await window.locator('#matrix td.rejected').count(), 0)
    }
    assert.equal(await text(page, '#session-id'), await text(other.page, '#session-id'))
  })

  guarantee('a user sees only its own session events, and those of the nodes', async () => {
    const ada = await visit(browser(), stack().url, { as: 'ada' })
    const grace = await visit(browser(), stack().url, { as: 'grace' })
    const adasEvents = await ada.page.locator('#events .of-session').count()
    const third = await visit(browser(), stack().url, { as: 'grace' })
    const logouts = grace.page.locator('#events li.logout', { hasText: 'Another session was logged out' })
    const before = await logouts.count()
    await third.page.getByRole('button', { name: 'Log out' }).click()
    await logouts.nth(before).waitFor()
    await third.page.getByRole('heading', { name: 'Log in' }).waitFor()
    // This event comes later, so a page that receives the earlier one has received it by now.
    await ask(ada.page)
    assert.equal(await ada.page.locator('#events .of-session').count(), adasEvents)
    assert.equal(
      await third.page.locator('#events .of-session').count(),
      0,
      'the feed shows no session event after the logout',
    )
  })
}
