import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertHarmless, assertServesMeanwhile, hostileRequests, type Target } from '../support/hostile-http.ts'
import { type Program, runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'

// A single node, without nginx.
let redis: TestRedis
let node: Program
let target: Target

before(async () => {
  redis = await startTestRedis()
  node = runNode('server', { REDIS_URL: redis.url, NODE_NAME: 'app-1' })
  const { port } = await node.listening()
  target = { port, host: 'localhost', isPatientWithBodies: false }
})
after(async () => {
  node.signal('SIGTERM')
  assert.equal(await node.ended, 0)
  await redis.stop()
})

const ask = async () => (await fetch(`http://127.0.0.1:${target.port}/readyz`)).status

for (const hostile of hostileRequests) {
  test(`${hostile.what} does not affect a node`, () => assertHarmless(target, hostile))
}

test('2,000 idle connections and some that send one byte a second do not affect a node, and it closes them', () =>
  assertServesMeanwhile(target, ask))

test('after these attacks, the node has logged no error', () => {
  assert.deepEqual(
    node.lines.filter(({ level }) => level === 'error' || level === 'fatal'),
    [],
  )
})
