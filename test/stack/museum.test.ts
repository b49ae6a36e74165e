import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countSignedOut, STORES } from '../museum/sticky.ts'

// The museum on this project alone: the other exhibits need packages. The tables in docs/museum.md: test/unit/museum.test.ts
const USERS = 6

test('with sticky sessions in memory, a killed node signs out its users, and a rolling restart signs out all', async () => {
  assert.equal(await countSignedOut('kill', STORES.memory, USERS), USERS / 3)
  assert.equal(await countSignedOut('restart', STORES.memory, USERS), USERS)
})

test('with sessions in Redis, neither a killed node nor a scale-down signs anybody out', async () => {
  assert.equal(await countSignedOut('kill', STORES.redis, USERS), 0)
  assert.equal(await countSignedOut('scale-down', STORES.redis, USERS), 0)
})
