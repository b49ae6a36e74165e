import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { LIBRARY } from '../../src/redis/function-library.ts'

test('the names of the Redis functions change with their text, so two versions can be loaded at once', () => {
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
