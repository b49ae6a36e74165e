import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createReadCache } from 'app/redis/read-cache'

const answer = (value: string | null) => async () => value

test('a read value is cached until it is deleted, alone or with all others', async () => {
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

test('the cache never exceeds its limit and evicts the least recently used value first', async () => {
  const cache = createReadCache(3)
  for (const key of ['a', 'b', 'c']) await cache.read(key, answer(key))
  cache.recall('a')
  await cache.read('d', answer('d'))
  assert.equal(cache.recall('b'), undefined)
  for (const key of ['a', 'c', 'd']) assert.equal(cache.recall(key), key)
  const keys = Array.from({ length: 1_000 }, (_, index) => `key ${index}`)
  for (const key of keys) await cache.read(key, answer('x'))
  assert.equal(keys.filter((key) => cache.recall(key) !== undefined).length, 3)
})

test('a value invalidated during its read is returned but not cached', async () => {
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

test('of two concurrent reads, the earlier one does not overwrite the value of the later one', async () => {
  const cache = createReadCache(10)
  let bringOld = (_value: string) => {}
  const earlier = cache.read('a', () => new Promise((resolve) => (bringOld = resolve)))
  cache.forget('a')
  await cache.read('a', answer('new'))
  bringOld('old')
  await earlier
  assert.equal(cache.recall('a'), 'new')
})

test('missing values and failures are not cached', async () => {
  const cache = createReadCache(10)
  await cache.read('a', answer(null))
  await assert.rejects(
    cache.read('b', async () => {
      throw new Error('no')
    }),
  )
  for (const key of ['a', 'b']) assert.equal(cache.recall(key), undefined)
})
