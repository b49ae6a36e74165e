import { test } from 'node:test'
import type { Browser } from 'playwright-core'
import { testAccess } from './page-contract/access.ts'
import { testFailures } from './page-contract/failures.ts'
import { testMatrix } from './page-contract/matrix.ts'
import { testOtherSessions } from './page-contract/other-sessions.ts'
import { testOwnSession } from './page-contract/own-session.ts'
import { testStream } from './page-contract/stream.ts'
import { testWindows } from './page-contract/windows.ts'
import type { PageStack, PageWorld } from './page-contract/world.ts'
import { leavePages } from './page-pool.ts'

/** The guarantees of the page, on any stack with three nodes. The stack has LOGIN_FAILURES_SECONDS=12. */
export function testPage(skip: string | false, browser: () => Browser, stack: () => PageStack): void {
  const world: PageWorld = {
    browser,
    stack,
    guarantee: (name, fn) =>
      test(name, { skip }, async (t) => {
        t.after(() => leavePages(browser()))
        await fn()
      }),
  }
  testMatrix(world)
  testOwnSession(world)
  testOtherSessions(world)
  testWindows(world)
  testStream(world)
  testFailures(world)
  testAccess(world)
}
