import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Program, runNode } from '../lib/program.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'

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
  test(`${program} starts in a shell in which HOST means something else, as conda has it`, async () => {
    const node = start(program, { HOST: 'x86_64-conda-linux-gnu' })
    await node.line(({ msg }) => msg === ready)
    node.signal('SIGTERM')
    assert.equal(await node.ended, 0)
  })

  test(`${program} ends with 1 and a line that names LISTEN_HOST when that is no address of this machine`, async () => {
    // A name that leads nowhere, an address of somebody else (RFC 5737), and no name at all.
    for (const address of ['x86_64-conda-linux-gnu.invalid', '192.0.2.1', 'not a name']) {
      const node = start(program, { LISTEN_HOST: address })
      assert.equal(await node.ended, 1, address)
      const said = node.lines.map(({ msg }) => msg ?? '')
      assert.ok(
        said.some((line) => line.startsWith(`LISTEN_HOST: cannot listen on ${address} (E`)),
        said.join('\n'),
      )
      assert.ok(!said.join('\n').includes('    at '), 'there is a stack trace')
    }
  })
}

const start = (program: string, env: Record<string, string>): Program =>
  runNode(program, { REDIS_URL: redis.url, ...env })
