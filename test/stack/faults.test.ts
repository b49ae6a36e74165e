import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { FAULTS, SOAK_FAULTS } from '../faults/all.ts'
import { noDeadline } from '../faults/controls.ts'
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

// All faults except those of make soak, which test/stack/soak.test.ts runs, and one control.
const stack = createFaultStack('sessions-test-faults')

/** The script creates its own test accounts. */
const WITHOUT_ACCOUNTS = { TEST_ACCOUNTS: '' }

/** The report that a run has left. Without one, the run has failed before its end, and said why. */
const report = async (name: FaultReport['name'], output: string): Promise<FaultReport> =>
  JSON.parse(await readFile(`${TOP}/loadtest/report/${name}.json`, 'utf8').catch(() => assert.fail(output)))

test('make chaos FAULT=full-disk breaks the running stack, prints what users saw, and writes a report', async (t) => {
  const before = await stack.redisCli('--raw', 'DBSIZE')
  const { code, output } = await command('test/faults/run', ['full-disk'], { ...stack.env, ...WITHOUT_ACCOUNTS })
  assert.match(output, /users saw +slowest +lost +recovered +bound +verdict/)
  assert.match(output, /The disk of Redis is full +200 ×[\d,]{2,}.*503 ×\d/)
  const { outcomes } = await report('chaos', output)
  assert.deepEqual(
    outcomes.map(({ name }) => name),
    ['full-disk'],
  )
  const page = await readFile(`${TOP}/loadtest/report/chaos.html`, 'utf8')
  assert.doesNotMatch(page, /(src|href)=|@import|url\(/, 'the page loads an external resource')
  assert.match(page, /The disk of Redis is full/)
  assert.equal(await stack.redisCli('--raw', 'DBSIZE'), before, 'its accounts and their sessions are deleted')
  assertSurvived(t, outcomes)
  const isTooSlow = outcomes.some(({ tooSlow }) => tooSlow.length > 0)
  assert.equal(code, isTooSlow ? 3 : 0, output)
  assert.match(output, isTooSlow ? /TOO SLOW TO JUDGE/ : / survived\n[\s\S]*\nPROVED/)
})

test('make chaos with an unknown fault lists the known ones and fails', async () => {
  const { code, output } = await stack.tryToMake('chaos', 'FAULT=flood')
  assert.notEqual(code, 0)
  for (const { name } of FAULTS) assert.ok(output.includes(name), name)
})

testFaults(
  stack,
  FAULTS.filter((one) => !SOAK_FAULTS.includes(one) && one.name !== 'full-disk'),
)

testControls(stack, [noDeadline])

// This includes nodes that no longer exist.
testLogs(stack, [...LOST_AND_FOUND, ['app-5 ', '"msg":"Stopped"']])
