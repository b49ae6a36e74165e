import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { KnownSession } from '../faults/history.ts'
import { startLoad } from '../faults/load.ts'
import { ADA, ALAN, type Credentials, GRACE } from '../support/http.ts'
import { createVisitor } from '../support/visitor.ts'

const session = (account: Credentials): KnownSession => ({
  ...{ visitor: createVisitor('http://localhost'), account, id: '', state: 'living', createdMs: 0, changedMs: 0 },
  ...{ replaced: new Map(), asking: 0, askedMs: 0, slowestMs: 0 },
})

test('a drill logs no account in as often as the limit of logins, even if only one account has room for a session', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const living = [GRACE, GRACE, GRACE, ALAN, ALAN, ALAN].map(session)
  const logins: Credentials[] = []
  let nowMs = 0
  const load = startLoad({
    now: () => nowMs,
    inState: (state) => (state === 'living' ? living : []),
    ask: async () => true,
    async logIn(account) {
      logins.push(account)
      living.push(session(account))
    },
    async logOut(leaving) {
      living.splice(living.indexOf(leaving), 1)
    },
    async revoke(leaving) {
      living.splice(living.indexOf(leaving), 1)
    },
  })
  for (; nowMs < 15_000; nowMs += 25) {
    t.mock.timers.tick(25)
    // So the responses arrive.
    await nextTurn()
  }
  await load.stop()
  assert.deepEqual([...new Set(logins)], [ADA])
  assert.ok(logins.length > 10 && logins.length < 30, `${logins.length} logins within 15 seconds`)
})

test('a drill revokes sessions only by a session whose login is recent, and logs the others out', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const living = Array.from({ length: 9 }, () => session(GRACE))
  const found = { revoked: 0, loggedOut: 0 }
  let nowMs = 600_000
  const load = startLoad(
    {
      now: () => nowMs,
      inState: (state) => (state === 'living' ? living : []),
      ask: async () => true,
      logIn: async () => {},
      logOut: async () => void found.loggedOut++,
      revoke: async () => void found.revoked++,
    },
    { revokes: true },
  )
  const run = () => {
    for (let tick = 0; tick < 200; tick++) t.mock.timers.tick(25)
  }
  run()
  assert.equal(found.revoked, 0, 'all logins are ten minutes old')
  assert.ok(found.loggedOut > 0)
  nowMs = 60_000
  run()
  assert.ok(found.revoked > 0)
  await load.stop()
})
