import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFairQueue, type FairQueueOptions, QueueIsFull } from 'app/users/fair-queue'

/** A queue with one running task, which ends on request, and the order in which the others run. */
function busyQueue(options: Partial<FairQueueOptions> = {}) {
  const queue = createFairQueue({ atOnce: 1, places: 32, longestWaitMs: 60_000, ...options })
  const order: string[] = []
  let begin = () => {}
  const promise = new Promise<void>((resolve) => {
    begin = resolve
  })
  const first = queue.run({ client: 'first', account: 'first' }, () => promise)
  const send = (client: string, account = 'account') =>
    queue.run({ client, account }, async () => {
      order.push(account === 'account' ? client : `${client} ${account}`)
    })
  return { order, send, begin, first }
}

test('clients are served round-robin, in the order of their first work', async () => {
  const { order, send, begin } = busyQueue()
  const all = ['a', 'a', 'a', 'a', 'b', 'b', 'c'].map((client) => send(client))
  begin()
  await Promise.all(all)
  assert.equal(order.join(' '), 'a b c a b a a')
})

test('the accounts of one client are served round-robin within the turns of that client', async () => {
  const { order, send, begin } = busyQueue()
  const all = [send('a', '1'), send('a', '1'), send('a', '1'), send('b', '1'), send('b', '1'), send('a', '2')]
  begin()
  await Promise.all(all)
  assert.deepEqual(order, ['a 1', 'b 1', 'a 2', 'b 1', 'a 1', 'a 1'])
})

test('a client that fills the queue loses places to others, and its newest work is rejected', async () => {
  const { order, send, begin } = busyQueue({ places: 4, longestWaitMs: 50 })
  const greedy = Promise.allSettled(Array.from({ length: 10 }, () => send('greedy')))
  const others = [send('b'), send('c')]
  begin()
  await Promise.all(others)
  const results = await greedy
  assert.equal(order.join(' '), 'greedy b c greedy')
  assert.deepEqual(
    results.map(({ status }) => status),
    [...Array(2).fill('fulfilled'), ...Array(8).fill('rejected')],
  )
  for (const result of results) if (result.status === 'rejected') assert.ok(result.reason instanceof QueueIsFull)
})

test('a queue full of clients with one place each rejects a new client', async () => {
  const { order, send, begin } = busyQueue({ places: 3, longestWaitMs: 50 })
  const all = Promise.allSettled(['a', 'b', 'c', 'd'].map((client) => send(client)))
  begin()
  assert.deepEqual(
    (await all).map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'rejected'],
  )
  assert.equal(order.join(' '), 'a b c')
})

test('work that waits too long is rejected and never runs', async () => {
  const { order, send, begin, first } = busyQueue({ longestWaitMs: 20 })
  await assert.rejects(send('a'), QueueIsFull)
  begin()
  await first
  await send('b')
  assert.deepEqual(order, ['b'])
})

test('after failed work, the next work starts', async () => {
  const queue = createFairQueue({ atOnce: 1, places: 4, longestWaitMs: 60_000 })
  const lane = { client: 'a', account: 'a' }
  await assert.rejects(
    queue.run(lane, () => Promise.reject(new Error('no'))),
    /no/,
  )
  assert.equal(await queue.run(lane, async () => 'done'), 'done')
})
