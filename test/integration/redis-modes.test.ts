import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cookieOf, getUser, logIn } from '../support/http.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { runNode } from '../support/program.ts'
import { startRedisCluster } from '../support/redis-cluster.ts'
import { startRedisWithSentinels } from '../support/redis-sentinels.ts'
import { environmentOf } from '../support/test-node.ts'
import { until } from '../support/until.ts'

for (const [mode, ready, kind, startRedis] of [
  ['server-lb', 'Balancer is ready', 'sentinels', () => startRedisWithSentinels({ downAfterMs: 60_000 })],
  ['server-cluster', 'Cluster is ready', 'a cluster', () => startRedisCluster({ nodeTimeoutMs: 60_000 })],
] as const) {
  test(`${mode} uses the Redis of ${kind}, and starts none of its own`, async (t) => {
    const redis = await startRedis()
    t.after(() => redis.stop())
    const port = await lastingPort()
    const program = runNode(mode, { ...environmentOf(redis.address), NODES: '2', PORT: `${port}` })
    t.after(async () => {
      program.signal('SIGTERM')
      await program.ended
    })
    await program.line(({ msg }) => msg === ready)
    const url = `http://127.0.0.1:${port}`
    const cookie = await until('a login succeeds', async () => cookieOf(await logIn(url)))
    for (let look = 0; look < 4; look++) assert.equal((await getUser(url, cookie)).status, 200)
    assert.equal((await redis.inspector.keys('session:*')).length, 1)
    assert.ok(!program.lines.some(({ msg }) => /^Started a /.test(String(msg))))
  })
}
