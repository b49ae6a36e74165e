import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRedisClient } from 'app/redis/create-client'

const CLIENTS = 200

/** A class with all commands of Redis for each client takes more than ten, and a node then sends no response during an outage. */
test('a client of another server takes less than two milliseconds of processor time', () => {
  createRedisClient({ url: 'redis://127.0.0.1:1', deadlineMs: 500 })
  const before = process.cpuUsage()
  for (let port = 2; port < CLIENTS + 2; port++)
    createRedisClient({ url: `redis://127.0.0.1:${port}`, password: `${port}`, deadlineMs: 500 })
  const { user, system } = process.cpuUsage(before)
  const msEach = (user + system) / 1000 / CLIENTS
  assert.ok(msEach < 2, `${msEach.toFixed(2)} ms`)
})
