import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeadlineMissed, withDeadline } from '../../src/redis/deadline.ts'

test('an answer in time is handed on, and so is an error', async () => {
  assert.equal(await withDeadline(Promise.resolve('yes'), 1_000), 'yes')
  await assert.rejects(withDeadline(Promise.reject(new Error('no')), 1_000), /no/)
})

test('work that never ends is given up at the deadline', async () => {
  const startedAt = performance.now()
  await assert.rejects(withDeadline(new Promise(() => {}), 50), DeadlineMissed)
  const waitedMs = performance.now() - startedAt
  assert.ok(waitedMs >= 49 && waitedMs < 500, `gave up after ${waitedMs} ms`)
})
