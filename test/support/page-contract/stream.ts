import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { logInElsewhere, text, visit } from '../browser-page.ts'
import { passTo } from '../tls-front.ts'
import { until } from '../until.ts'
import type { PageWorld } from './world.ts'

/** The page has its event stream again after it was missing. */
export function testStream({ guarantee, browser, stack }: PageWorld): void {
  guarantee('an event stream that opened without the session opens again with it', async () => {
    // As if the browser reconnected while a login replaces its cookie: it requests one stream without the cookie.
    let isWithoutCookie = false
    const pass = passTo(stack().url)
    const front = createServer((req, res) => {
      if (isWithoutCookie && req.url?.startsWith('/api/events')) {
        isWithoutCookie = false
        delete req.headers.cookie
      }
      pass(req, res)
    })
    await new Promise<void>((resolve) => front.listen(stack().frontPort ?? 0, '127.0.0.1', resolve))
    try {
      const { page } = await visit(browser(), `http://localhost:${(front.address() as AddressInfo).port}`, {
        as: 'grace',
      })
      isWithoutCookie = true
      await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`)
      await until('the stream was requested', () => !isWithoutCookie)
      const before = await page.locator('#events li.login').count()
      await until('the page shows a login of another browser', async () => {
        await logInElsewhere(stack().url, 'grace')
        return (await page.locator('#events li.login').count()) > before
      })
    } finally {
      front.closeAllConnections()
      front.close()
    }
  })

  guarantee(
    'a hidden page holds no event stream, and shows the events that it missed when it is visible again',
    async () => {
      const { page, complaints } = await visit(browser(), stack().url, { as: 'ada' })
      const sources: string[] = []
      page.on('request', (request) => request.url().includes('/api/events') && sources.push(request.url()))
      const show = (isHidden: boolean) =>
        page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))`)
      const before = await page.locator('#events li.login').count()
      await show(true)
      await logInElsewhere(stack().url, 'ada')
      assert.equal(await page.locator('#events li.login').count(), before)
      await show(false)
      await page.locator('#events li.login').nth(before).waitFor()
      assert.equal(await page.locator('#events li.login').count(), before + 1)
      assert.match(sources.join(), /^[^,]*\/api\/events\?after=\d+-\d+$/)

      // Meanwhile this browser logs in again in another window. The page shows the new session.
      const id = await text(page, '#session-id')
      await show(true)
      await page.request.post(`${stack().url}/auth/login`, { data: { username: 'ada', password: 'analytical-engine' } })
      await show(false)
      await until('the new session is shown', async () => ![id, ''].includes(await text(page, '#session-id')))
      assert.deepEqual(complaints, [])
    },
  )
}
