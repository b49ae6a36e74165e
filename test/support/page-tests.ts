import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { chromiumPath, launchChromium } from './chromium.ts'
import { type PageNodes, startPageNodes } from './page-nodes.ts'
import { leavePages } from './page-pool.ts'
import { startTestRedis, type TestRedis } from './redis-server.ts'

/** The reason to skip a test that needs a browser, or false. */
export const skip = chromiumPath ? false : 'Chromium is not installed'

export interface Started {
  redis: TestRedis
  nodes: PageNodes
  browser: Browser
}

/**
 * Starts a Redis, nodes with these names and a browser before the tests of a file, passes them to `use`, and ends them afterwards.
 * Returns a function that declares a test, after which all its pages are closed.
 */
export function testPageOn(names: readonly string[], use: (started: Started) => void) {
  let started: Started | undefined

  before(async () => {
    if (skip) return
    const redis = await startTestRedis()
    started = { redis, nodes: await startPageNodes(redis.url, names), browser: await launchChromium() }
    use(started)
  })
  after(async () => {
    await started?.browser.close()
    await started?.nodes.stop()
    await started?.redis.stop()
  })

  return function guarantee(name: string, fn: () => Promise<void>): void {
    test(name, { skip }, async (t) => {
      t.after(async () => {
        if (!started) return
        await leavePages(started.browser)
        // The next test may require that every node serves.
        started.redis.resume()
        await started.nodes.untilReady()
      })
      await fn()
    })
  }
}
