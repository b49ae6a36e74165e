import assert from 'node:assert/strict'
import { test } from 'node:test'
import { moveSlots } from '../faults/resharding.ts'
import { THREE_NODES } from '../support/compose-stack.ts'
import { atAnySpeed, createFaultStack, testFaults, testLogs } from '../support/fault-tests.ts'
import { ADA, ALAN, GRACE } from '../support/http.ts'
import type { Visitor } from '../support/visitor.ts'

// make up REDIS=cluster, and one of its faults. `make soak` repeats all of them.
const stack = createFaultStack('sessions-test-cluster', 'cluster')

test('the commands of an administrator reach all primaries of a cluster, and make up changes nothing', async () => {
  assert.match(await stack.make('up', 'REDIS='), /The stack keeps REDIS=cluster[\s\S]*Nothing has changed/)
  // One after the other, because a busy machine answers 503 to some of six logins at once.
  const visitors: Visitor[] = []
  for (const one of [ADA, GRACE, ALAN, ADA, GRACE, ALAN]) visitors.push(await stack.visitor(one))
  const listed = await stack.make('sessions')
  for (const [user, count] of Object.entries({ ada: 2, grace: 2, alan: 2 }))
    assert.equal(listed.match(new RegExp(`^${user} `, 'gm'))?.length, count, listed)
  for (const visitor of visitors) {
    assert.match(await stack.make('session', `TOKEN=${visitor.token()}`), /^TTL \d+ s$/m)
    assert.ok(THREE_NODES.includes((await visitor.whoAmI()).servedBy))
  }
  await stack.make('disable', 'USER=grace')
  const statuses: number[] = []
  for (const visitor of visitors) statuses.push((await visitor.whoAmI()).status)
  assert.deepEqual(statuses, [200, 401, 200, 200, 401, 200])
  await stack.make('enable', 'USER=grace')
  await Promise.all(visitors.map((visitor) => visitor.logOut()))
})

testFaults(stack, [atAnySpeed(moveSlots)])

testLogs(stack)
