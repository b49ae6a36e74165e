import assert from 'node:assert/strict'
import { assertAccessibleInAllLooks, logIn, tokenOf, visit } from '../browser-page.ts'
import type { PageWorld } from './world.ts'

/** The page can be used by everybody. */
export function testAccess({ guarantee, browser, stack }: PageWorld): void {
  guarantee('the page works with the keyboard alone', async () => {
    const { page } = await visit(browser(), stack().url)
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate('document.activeElement.id'), 'experiment')
    const isAtUserName = () => page.evaluate("document.activeElement.name === 'username'")
    for (let tabs = 0; tabs < 12 && !(await isAtUserName()); tabs++) await page.keyboard.press('Tab')
    await page.keyboard.type('alan')
    await page.keyboard.press('Tab')
    await page.keyboard.type('universal-machine')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'You are Alan Turing' }).waitFor()
    assert.equal(await page.evaluate('document.activeElement.id'), 'ask')
    await page.locator('#prove:enabled').waitFor()
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate('document.activeElement.id'), 'prove')
    await page.keyboard.press('Enter')
    await page.locator('#prove:disabled').waitFor()
    await page.locator('#prove:enabled').waitFor()
    assert.equal(await page.evaluate('document.activeElement.id'), 'prove')
  })

  guarantee(
    'axe-core finds no violation, light and dark, on a wide screen and a phone, logged in and out, and with an alert',
    async () => {
      const { page } = await visit(browser(), stack().url)
      await assertAccessibleInAllLooks(page, 'logged out')
      await logIn(page)
      await assertAccessibleInAllLooks(page, 'logged in')
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 844 })
        const widest = Number(await page.evaluate('document.documentElement.scrollWidth'))
        assert.ok(widest <= width, `${widest} wide on ${width}`)
      }
      await stack().redis('DEL', `session:${await tokenOf(page)}`)
      await page.getByRole('button', { name: 'Send a request' }).click()
      await page.getByRole('alert').waitFor()
      await assertAccessibleInAllLooks(page, 'with an alert')
    },
  )
}
