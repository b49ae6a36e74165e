import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killPrimary } from '../faults/failover.ts'
import { openServers } from '../faults/servers.ts'
import { openStack } from '../faults/stack.ts'
import { atAnySpeed, createFaultStack, LOST_AND_FOUND, testFaults, testLogs } from '../support/fault-tests.ts'

// make up REDIS=sentinel, and one of its faults. `make soak` repeats all of them.
const stack = createFaultStack('sessions-test-sentinels', 'sentinel')

test('make up keeps the kind of Redis that runs, and every command reaches the primary after a failover', async () => {
  assert.match(await stack.make('up', 'REDIS='), /The stack keeps REDIS=sentinel[\s\S]*Nothing has changed/)
  const servers = openServers(openStack(stack.url()), 'sentinel')
  await servers.whole()
  const before = await servers.group()
  const visitor = await stack.visitor()
  const said = await stack.make('failover')
  // The first sentinel names the new primary before the others do.
  await servers.whole()
  const { primary } = await servers.group()
  assert.notEqual(primary, before.primary, said)
  assert.match(await stack.redisCli('ROLE'), /^master/)
  assert.match(await stack.make('sessions'), /^ada /m)
  assert.match(await stack.make('session', `TOKEN=${visitor.token()}`), /"username":"ada"/)
  assert.equal((await visitor.whoAmI()).status, 200)
  await visitor.logOut()
})

testFaults(stack, [atAnySpeed(killPrimary)])

testLogs(stack, LOST_AND_FOUND)
