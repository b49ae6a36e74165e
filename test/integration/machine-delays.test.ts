import assert from 'node:assert/strict'
import { test } from 'node:test'
import { watchMachine } from '../faults/machine.ts'
import { until } from '../support/until.ts'

test('the machine monitor measures event-loop delay and process start time, also without a container', async () => {
  const machine = watchMachine({ emptyProgram: ['docker', 'exec', 'there-is-no-such-container', 'true'] })
  await until('a process start was measured', () => machine.delays().spawnMs > 0)
  const until300 = performance.now() + 300
  while (performance.now() < until300);
  await until('the event-loop delay was measured', () => machine.delays().loopMs > 250)
  assert.equal(machine.delays().engineMs, 0)
  await machine.stop()
})
