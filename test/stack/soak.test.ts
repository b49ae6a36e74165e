import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { SOAK_FAULTS } from '../faults/all.ts'
import { controls, noDeadline } from '../faults/controls.ts'
import type { Outcome } from '../faults/fault.ts'
import type { FaultReport } from '../faults/report.ts'
import { command, TOP } from '../support/command.ts'
import {
  assertSurvived,
  createFaultStack,
  LOST_AND_FOUND,
  testControls,
  testFaults,
  testLogs,
} from '../support/fault-tests.ts'
import { GRACE } from '../support/http.ts'
import type { Visitor } from '../support/visitor.ts'

// The faults of make soak, and all controls but one. test/stack/faults.test.ts runs the others, and takes as long.
const { K6 = '' } = process.env
const stack = createFaultStack('sessions-test-soak')
/** The outcomes of the soak's faults. */
const seen: Outcome[] = []

/** The script creates its own test accounts. */
const WITHOUT_ACCOUNTS = { TEST_ACCOUNTS: '' }

/** The report that a run has left. Without one, the run has failed before its end, and said why. */
const report = async (name: FaultReport['name'], output: string): Promise<FaultReport> =>
  JSON.parse(await readFile(`${TOP}/loadtest/report/${name}.json`, 'utf8').catch(() => assert.fail(output)))

test('make soak: after a series of faults no session is lost, every bound holds, and the stack is unchanged', async (t) => {
  // The session limit of an account (SESSION_MAX): one more login would evict one of them. One after the other, because a busy
  // machine answers 503 to some of ten logins at once.
  const others: Visitor[] = []
  while (others.length < 10) others.push(await stack.visitor(GRACE))
  const { code, output } = await command('test/faults/run', ['soak'], {
    ...stack.env,
    ...WITHOUT_ACCOUNTS,
    K6,
    SOAK_SECONDS: '1',
    FAULT_EVERY_SECONDS: '1',
  })
  const { outcomes, balance } = await report('soak', output)
  seen.push(...outcomes)
  assert.deepEqual(
    outcomes.map(({ name }) => name),
    SOAK_FAULTS.map(({ name }) => name),
  )
  assert.equal(balance.length, 5)
  assert.ok(
    balance.every(({ isLevel }) => isLevel),
    output,
  )
  const statuses = await Promise.all(others.map(async (other) => (await other.whoAmI()).status))
  assert.deepEqual([...new Set(statuses)], [200], 'the drill ends no session of another user')
  await Promise.all(others.map((other) => other.logOut()))
  assert.ok(outcomes.every(({ byStack }) => Object.keys(byStack).length === 0))
  assertSurvived(t, outcomes)
  assert.equal(code, outcomes.some(({ tooSlow }) => tooSlow.length > 0) ? 3 : 0, output)
})

testFaults(stack, SOAK_FAULTS, seen)

testControls(
  stack,
  controls.filter((control) => control !== noDeadline),
)

testLogs(stack, LOST_AND_FOUND)
