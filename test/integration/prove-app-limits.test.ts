import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type AppLie, startAppLiar } from '../support/app-liar.ts'
import { liarDescription, proveApp } from '../support/prover.ts'

type Change = (description: ReturnType<typeof liarDescription>) => object
const asItIs: Change = (description) => description
/** No page is loaded before the login, so no session of nobody starts. */
const withFixedToken: Change = ({ login: { csrf, ...login }, ...given }) => ({
  ...given,
  login: { ...login, form: { ...login.form, csrf: 'csrf-token' } },
})
const withoutNode: Change = ({ node, ...description }) => description
const UNKNOWN: [question: string, lie: AppLie, concluded: RegExp, change?: Change][] = [
  ['every-node', 'one node', /No second node was seen: only app-1/],
  ['every-node', 'no node names', /responses name no node/],
  ['every-node', 'none', /responses name no node/, withoutNode],
  ['every-node', 'none', /app-4: seen 0 times/, (given) => ({ ...given, nodes: ['app-4'] })],
  [
    ...(['every-node', 'none', /never named that user: another user × 30/] as const),
    ({ accounts, ...given }) => ({ ...given, accounts: accounts.map((one) => ({ ...one, shownAs: 'eve' })) }),
  ],
  ['logout-final', 'one node', /No second node was seen/],
  ['logout-final', 'none', /responses name no node/, withoutNode],
  ['logout-final', 'errors after a logout', /rejected the cookie 0 times/],
  ['logout-race', 'logout fails', /Too many requests failed/],
  ['new-token', 'none', /sets no cookie/, (given) => ({ ...given, cookie: 'other' })],
  ['new-token', 'ignores a second login', /No login could be compared/, withFixedToken],
  ['invented-token', 'none', /sets no cookie/, (given) => ({ ...given, cookie: 'other' })],
  ['invented-token', 'login fails with a cookie', /The login failed for another reason/, withFixedToken],
  ['two-logins', 'none', /sets no cookie/, (given) => ({ ...given, cookie: 'other' })],
  ['parallel-updates', 'change does nothing', /One change alone did not add one/],
  ['parallel-updates', 'one node', /no second node acknowledged a change/],
  ['parallel-updates', 'keeps sessions on their node', /The session itself is not honoured every time/],
  ['parallel-updates', 'none', /no data of the session/, ({ data, ...given }) => given],
  ['cookie-flags', 'none', /sets no session cookie/, (given) => ({ ...given, cookie: 'other' })],
  ['cookie-flags', 'cookie does nothing', /never named that user: signed out × 30/],
  ['cache-headers', 'no user', /never named that user: signed out × 30/],
  ['store-away', 'none', /does not say how to take the store away/, ({ store, ...given }) => given],
  ['store-away', 'away: nothing', /the command seems to have taken nothing away/],
  [
    ...(['store-away', 'none', /takes the store away exited with status 3/] as const),
    ({ store, ...given }) => ({ ...given, store: { ...store, stop: 'exit 3' } }),
  ],
  ['rolling-restart', 'none', /does not say how to restart/, ({ restart, ...given }) => given],
  [
    'rolling-restart',
    'none',
    /The restart exited with status 3/,
    (given) => ({ ...given, restart: { command: 'exit 3' } }),
  ],
  ['rolling-restart', 'none', /too few to judge/, (given) => ({ ...given, restart: { command: 'true' } })],
]
// Each has an application of its own, and they mostly wait.
describe('no question judges what it has not seen', { concurrency: 4 }, () => {
  for (const [only, lie, concluded, change = asItIs] of UNKNOWN)
    test(`${only} does not judge what it has not seen: ${lie}, ${concluded.source}`, async (t) => {
      const { url } = await startAppLiar(t, lie)
      const { code, output, report } = await proveApp(t, change(liarDescription(url)), { only })
      const [answer] = report?.answers ?? []
      assert.equal(answer?.verdict, 'NOT JUDGED', answer?.concluded)
      assert.match(answer.concluded, concluded)
      assert.match(output, /\nNOT PROVED\n/)
      assert.equal(code, 2)
    })
})
