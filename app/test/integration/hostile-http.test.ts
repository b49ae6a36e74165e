import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertHarmless, assertServesMeanwhile, hostileRequests, type Target } from '../lib/hostile-http.ts'
import { type Program, runNode } from '../lib/program.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'

// A node as it is, without the balancer that stands in front of it.
let redis: TestRedis
let node: Program
let target: Target

before(async () => {
  redis = await startTestRedis()
  node = runNode('server', { REDIS_URL: redis.url, NODE_NAME: 'app-1' })
  const { port } = await node.line(({ msg }) => msg === 'Listening')
  target = { port: Number(port), host: 'localhost', isPatientWithBodies: false }
})
after(async () => {
  node.signal('SIGTERM')
  assert.equal(await node.ended, 0)
  await redis.stop()
})

const ask = async () => (await fetch(`http://127.0.0.1:${target.port}/readyz`)).status

for (const hostile of hostileRequests) {
  test(`${hostile.what} does a node no harm`, () => assertHarmless(target, hostile))
}

test('2,000 connections that say nothing, and some that say a byte a second, keep a node from nothing, and are closed', () =>
  assertServesMeanwhile(target, ask))

test('after all that the node has logged no error', () => {
  assert.deepEqual(
    node.lines.filter(({ level }) => level === 'error' || level === 'fatal'),
    [],
  )
})
