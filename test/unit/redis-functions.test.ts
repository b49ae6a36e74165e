import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { LIBRARY } from 'app/redis/atomic'

test('the names of the Redis functions change with their text, so two versions can be loaded together', () => {
  const [, version = ''] = /^#!lua name=sessions_([0-9a-f]{8})\n/.exec(LIBRARY) ?? []
  const [, suffix] = /^local version = '_([0-9a-f]{8})'$/m.exec(LIBRARY) ?? []
  const text = LIBRARY.replace(/^(#!lua name=sessions_).*$/m, '$100000000').replace(
    /^(local version = ').*$/m,
    "$1_00000000'",
  )
  const right = createHash('sha256').update(text).digest('hex').slice(0, 8)
  assert.equal(version, right, `write ${right} in both places of app/redis/functions.lua`)
  assert.equal(suffix, right, `write ${right} in both places of app/redis/functions.lua`)
})

test('each Redis function is called with at most one key, and names no other: in a cluster the others are elsewhere', async () => {
  const calls = await readFile(new URL('../../../app/src/redis/atomic.ts', import.meta.url), 'utf8')
  const counts = [...calls.matchAll(/'FCALL', [^,]+, '(\d+)'/g)].map(([, count]) => count)
  assert.ok(counts.length >= 3)
  assert.deepEqual([...new Set(counts)].sort(), ['0', '1'])
  const places = [...LIBRARY.matchAll(/\bkeys\[(.*?)\]/gi)].map(([, place]) => place)
  assert.ok(places.length >= 5)
  assert.deepEqual([...new Set(places)], ['1'])
  // What a command is about: a key that was passed, a channel, or nothing.
  const about = [...LIBRARY.matchAll(/redis\.p?call\(\s*'(\w+)'(?:,\s*([^,)]+))?/g)].map(
    ([, name, first]) => `${name} ${first}`,
  )
  const others = about.filter((text) => !/^(\w+ (keys\[1\]|key)|TIME undefined|PUBLISH args\[\d\])$/.test(text))
  assert.deepEqual(others, [])
})
