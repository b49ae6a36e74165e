import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { lastingPort } from '../support/lasting-port.ts'
import { type Program, run as runProgram } from '../support/program.ts'
import { startRedisCluster } from '../support/redis-cluster.ts'
import { startRedisWithSentinels } from '../support/redis-sentinels.ts'
import type { TestRedis } from '../support/redis-server.ts'
import { startSingleRedis } from '../support/redis-single.ts'
import { aUser, storeOn } from '../support/stores.ts'
import { connectTo, environmentOf } from '../support/test-node.ts'

// The programs for administrators, with each kind of Redis.

const addressesOf = (servers: readonly { url: string }[]) => servers.map(({ url }) => new URL(url).host).sort()

const KINDS: Record<string, () => Promise<{ redis: TestRedis; primaries: string[] }>> = {
  async 'a single Redis'() {
    const redis = await startSingleRedis()
    return { redis, primaries: addressesOf([redis]) }
  },
  async sentinels() {
    const redis = await startRedisWithSentinels({ downAfterMs: 60_000 })
    return { redis, primaries: addressesOf([await redis.primary()]) }
  },
  async 'a cluster'() {
    const redis = await startRedisCluster({ nodeTimeoutMs: 60_000 })
    return { redis, primaries: addressesOf(redis.servers) }
  },
}

async function start(t: TestContext, kind: string) {
  const started = await KINDS[kind]?.()
  assert.ok(started)
  t.after(() => started.redis.stop())
  return { ...started, env: environmentOf(started.redis.address) }
}

const run = (program: string, env: Record<string, string>, ...words: string[]): Program =>
  runProgram(process.execPath, [`dist/src/admin/${program}.js`, ...words], env)

for (const kind of Object.keys(KINDS)) {
  test(`with ${kind}, the functions are loaded on every primary, and again without harm`, async (t) => {
    const { redis, primaries, env } = await start(t, kind)
    for (let time = 0; time < 2; time++) {
      const program = run('load-functions', env)
      assert.equal(await program.ended, 0)
      assert.deepEqual([...program.texts].sort(), primaries)
    }
    // An account that may not load functions is served.
    const narrow = ['ACL', 'SETUSER', 'narrow', 'on', '>secret', '~*', '&*', '+@all', '-function']
    await redis.inspector.sendCommand(narrow)
    const connection = await connectTo(redis.address, { username: 'narrow', password: 'secret', deadlineMs: 2_000 })
    t.after(connection.close)
    assert.equal(await connection.whyNotReady(), undefined)
  })

  test(`with ${kind}, all primaries are listed, and the sessions of a user end on all of them`, async (t) => {
    const { redis, primaries, env } = await start(t, kind)
    const connection = await connectTo(redis.address, { deadlineMs: 2_000 })
    t.after(connection.close)
    const store = storeOn(connection, { maxPerUser: 100 })
    for (let count = 0; count < 20; count++) await store.setSession(aUser('many'))
    const listed = run('primaries', env)
    assert.equal(await listed.ended, 0)
    assert.deepEqual([...listed.texts].sort(), primaries)

    const ending = run('end-sessions', env, 'many')
    assert.equal(await ending.ended, 0)
    const { count } = await ending.line(({ event }) => event === 'sessions_ended')
    assert.equal(count, 20)
    assert.deepEqual(await store.listSessions('many'), [])
    assert.deepEqual(await redis.inspector.keys('session:*'), [])
  })
}

test('without Redis, the programs exit with status 1 and one line', async () => {
  for (const program of ['load-functions', 'primaries']) {
    const ran = run(program, { REDIS_URL: `redis://127.0.0.1:${await lastingPort()}` })
    assert.equal(await ran.ended, 1)
    assert.equal(ran.texts.length, 1)
  }
})
