import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeadlineMissed, withDeadline } from 'app/redis/deadline'

test('a result or an error before the deadline is passed on', async () => {
  assert.equal(await withDeadline(Promise.resolve('yes'), 1_000), 'yes')
  await assert.rejects(withDeadline(Promise.reject(new Error('no')), 1_000), /no/)
})

test('work that never ends is aborted at the deadline', async () => {
  const startedAt = performance.now()
  await assert.rejects(withDeadline(new Promise(() => {}), 50), DeadlineMissed)
  const waitedMs = performance.now() - startedAt
  assert.ok(waitedMs >= 49 && waitedMs < 500, `aborted after ${waitedMs} ms`)
})
