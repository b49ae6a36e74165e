import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startStopwatch, within } from '../support/stopwatch.ts'
import { until } from '../support/until.ts'

/** Known work that takes as long as on a quick machine, without a share of the processor. */
const quick = () => sleep(6)

test('a limit that is exceeded fails with the time, the limit and what took so long', async () => {
  const stopwatch = startStopwatch(async () => {})
  await until('300 ms have passed', () => stopwatch.elapsedMs() > 300)
  assert.throws(() => stopwatch.assertWithin(200, 'a call'), /^AssertionError.*: a call took \d+ ms, more than 200 ms/)
})

test('a limit that is not exceeded does not fail', async () => {
  startStopwatch(quick).assertWithin(10_000, 'a call')
  assert.equal(await within(10_000, 'a call', async () => 'its result'), 'its result')
})

test('on a machine where known work takes a hundred times as long, so may what is measured', async () => {
  const stopwatch = startStopwatch(() => sleep(600))
  await until('300 ms have passed', () => stopwatch.elapsedMs() > 300)
  stopwatch.assertWithin(200, 'a call')
})

test('known work that has not ended also shows that a machine is slow', async () => {
  const stopwatch = startStopwatch(() => new Promise(() => {}))
  await until('300 ms have passed', () => stopwatch.elapsedMs() > 300)
  stopwatch.assertWithin(200, 'a call')
  assert.throws(() => stopwatch.assertWithin(1, 'a call'), /a call took/)
})
