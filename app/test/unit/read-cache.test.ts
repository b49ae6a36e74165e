import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createReadCache } from '../../src/redis/read-cache.ts'

const answer = (value: string | null) => async () => value

test('what was read is remembered until it is forgotten, alone or with all', async () => {
  const cache = createReadCache(10)
  assert.equal(await cache.read('a', answer('1')), '1')
  await cache.read('b', answer('2'))
  assert.equal(cache.recall('a'), '1')
  cache.forget('a')
  assert.equal(cache.recall('a'), undefined)
  assert.equal(cache.recall('b'), '2')
  cache.forget(null)
  assert.equal(cache.recall('b'), undefined)
})

test('there are never more than the bound, and what was asked for longest ago goes first', async () => {
  const cache = createReadCache(3)
  for (const key of ['a', 'b', 'c']) await cache.read(key, answer(key))
  cache.recall('a')
  await cache.read('d', answer('d'))
  assert.equal(cache.size, 3)
  assert.equal(cache.recall('b'), undefined)
  for (const key of ['a', 'c', 'd']) assert.equal(cache.recall(key), key)
  for (let n = 0; n < 1_000; n++) await cache.read(`key ${n}`, answer('x'))
  assert.equal(cache.size, 3)
})

test('an answer that was taken back while it was on its way is given, but not remembered', async () => {
  for (const forgotten of ['a', null]) {
    const cache = createReadCache(10)
    const reading = cache.read('a', async () => {
      cache.forget(forgotten)
      return 'old'
    })
    assert.equal(await reading, 'old')
    assert.equal(cache.recall('a'), undefined)
  }
})

test('of two reads under way the earlier one does not overwrite what the later one brings', async () => {
  const cache = createReadCache(10)
  let bringOld = (_value: string) => {}
  const earlier = cache.read('a', () => new Promise((resolve) => (bringOld = resolve)))
  cache.forget('a')
  await cache.read('a', answer('new'))
  bringOld('old')
  await earlier
  assert.equal(cache.recall('a'), 'new')
})

test('that there is nothing is not remembered, and neither is a failure', async () => {
  const cache = createReadCache(10)
  await cache.read('a', answer(null))
  await assert.rejects(
    cache.read('b', async () => {
      throw new Error('no')
    }),
  )
  assert.equal(cache.size, 0)
})
