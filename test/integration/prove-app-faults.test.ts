import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type AppLie, startAppLiar } from '../support/app-liar.ts'
import { liarDescription, proveApp } from '../support/prover.ts'

const FOUND: [question: string, lie: AppLie, concluded: RegExp][] = [
  ['every-node', 'keeps sessions on their node', /created on app-1, served by app-2: rejected/],
  ['every-node', 'another user on one node', /served by app-2: rejected/],
  ['logout-final', 'logout does nothing', /the copied cookie still worked on app-1, app-2, app-3/],
  ['logout-final', 'logout on one node only', /the copied cookie still worked on app-\d, app-\d\./],
  ['logout-race', 'late write', /logouts were undone by a request under way/],
  ['logout-race', 'late write of changes', /logouts were undone by a request under way/],
  ['new-token', 'keeps the token', /A token from before the login works/],
  ['new-token', 'old token follows the user', /A token from before the login works/],
  ['invented-token', 'adopts a token', /The invented token became the session/],
  ['two-logins', 'one session for all', /both browsers got the same token/],
  ['two-logins', 'one session for each user', /a session of the two did not stay/],
  ['parallel-updates', 'loses changes', /\d+ of 60 acknowledged changes were lost/],
  ['parallel-updates', 'changes twice', /60 changes counted as 120/],
  ['cookie-flags', 'cookie for scripts', /sid has no HttpOnly/],
  ['cookie-flags', 'cookie without SameSite', /sid has no SameSite/],
  ['cookie-flags', 'cookie for other sites', /sid has SameSite=None/],
  ['cache-headers', 'cacheable', /A shared cache may keep the response/],
  ['cache-headers', 'cacheable but for Set-Cookie', /A shared cache may keep the response/],
  ['store-away', 'away: signed out', /responses said that the user is signed out/],
  ['store-away', 'away: slow', /requests got no response within 3 s/],
  ['store-away', 'away: clears the cookie', /responses cleared or replaced the session cookie/],
  ['store-away', 'away: forgets', /Afterwards users were signed out/],
  ['store-away', 'away: never back', /did not work again within 5 s/],
  ['rolling-restart', 'restart forgets', /requests found the user signed out/],
  ['rolling-restart', 'restart fails requests', /requests failed/],
]
// Each has an application of its own, and they mostly wait.
describe('each question detects each fault that it is about', { concurrency: 4 }, () => {
  for (const [only, lie, concluded] of FOUND)
    test(`${only} detects a faulty application: ${lie}`, async (t) => {
      const { url } = await startAppLiar(t, lie)
      const { code, output, report } = await proveApp(t, liarDescription(url), { only })
      const [answer] = report?.answers ?? []
      assert.equal(answer?.verdict, 'FAIL', answer?.concluded)
      assert.match(answer.concluded, concluded)
      assert.match(output, /\nFAILED\n/)
      assert.equal(code, 1)
    })
})

test('store-away detects one node that does not find the store again, also with one user', async (t) => {
  const { url } = await startAppLiar(t, 'away: one node never back')
  const { accounts, ...given } = liarDescription(url)
  const { report } = await proveApp(t, { ...given, accounts: accounts.slice(0, 1) }, { only: 'store-away' })
  const [answer] = report?.answers ?? []
  assert.equal(answer?.verdict, 'FAIL', answer?.concluded)
  assert.match(answer.concluded, /did not work again within 5 s/)
})

test('a response that a cache keeps for each cookie passes', async (t) => {
  const { url } = await startAppLiar(t, 'varies by cookie')
  const { report } = await proveApp(t, liarDescription(url), { only: 'cache-headers' })
  assert.deepEqual(
    report?.answers.map(({ verdict, saw }) => [verdict, ...saw]),
    [['PASS', 'Vary: Cookie']],
  )
})
