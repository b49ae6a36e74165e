import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Program, runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'

let redis: TestRedis

before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

const MODES = [
  ['server', 'Listening'],
  ['server-cluster', 'Cluster is ready'],
  ['server-lb', 'Balancer is ready'],
] as const

for (const [program, ready] of MODES) {
  test(`${program} ignores HOST, which conda sets for its own purpose`, async () => {
    const node = start(program, { HOST: 'x86_64-conda-linux-gnu' })
    await node.line(({ msg }) => msg === ready)
    node.signal('SIGTERM')
    assert.equal(await node.ended, 0)
  })

  test(`${program} exits with status 1 and a line that names LISTEN_HOST if it is no address of this machine`, async () => {
    // An unknown name, an address of documentation (RFC 5737), and an invalid name.
    for (const address of ['x86_64-conda-linux-gnu.invalid', '192.0.2.1', 'not a name']) {
      const node = start(program, { LISTEN_HOST: address })
      assert.equal(await node.ended, 1, address)
      const said = node.lines.map(({ msg }) => msg ?? '')
      assert.ok(
        said.some((line) => line.startsWith(`LISTEN_HOST: cannot listen on ${address} (E`)),
        said.join('\n'),
      )
      assert.ok(!said.join('\n').includes('    at '), 'the output has a stack trace')
    }
  })
}

const start = (program: string, env: Record<string, string>): Program =>
  runNode(program, { REDIS_URL: redis.url, ...env })
