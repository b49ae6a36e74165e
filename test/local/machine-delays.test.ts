import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../../app/test/lib/until.ts'
import { watchMachine } from '../faults/machine.ts'

test('the machine is measured while it is watched: a late event loop, the start of a program, and no container', async () => {
  const machine = watchMachine({ container: () => 'there-is-no-such-container' })
  await until('a program was started', () => machine.delays().spawnMs > 0)
  const until300 = performance.now() + 300
  while (performance.now() < until300);
  await until('the lateness is known', () => machine.delays().loopMs > 250)
  assert.equal(machine.delays().engineMs, 0)
  await machine.stop()
})
