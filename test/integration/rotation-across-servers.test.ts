import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { RedisConnection } from 'app/redis/connection'
import { RedisUnavailable } from 'app/redis/errors'
import { startRedisCluster, type TestCluster } from '../support/redis-cluster.ts'
import type { TestServer } from '../support/redis-single.ts'
import { aUser, keyOf, storeOn } from '../support/stores.ts'
import { connectTo } from '../support/test-node.ts'
import { until } from '../support/until.ts'

// In a cluster, a token and the one that replaces it lie on different servers. A failover of one of them must not leave the old
// token as a session of its own, or as one that is never retired.
let redis: TestCluster
let left: RedisConnection
let right: RedisConnection
before(async () => {
  redis = await startRedisCluster({ replicas: 1, nodeTimeoutMs: 60_000 })
  left = await connectTo(redis.address, { deadlineMs: 500 })
  right = await connectTo(redis.address, { deadlineMs: 500 })
  const logIn = () => store(left).setSession(aUser('first'))
  await until('the replicas confirm writes', () => logIn().catch(() => undefined))
})
after(async () => {
  await Promise.all([left.close(), right.close()])
  await redis.stop()
})

const store = (connection: RedisConnection) => storeOn(connection, { renewSeconds: 0 })
const valueAt = async (token: string) => (await redis.inspector.get(keyOf(token))) ?? ''

async function replicaOf({ port }: TestServer): Promise<TestServer> {
  for (const server of redis.servers) {
    const replication = await server.inspector.info('replication')
    if (/^role:slave/m.test(replication) && replication.includes(`master_port:${port}\r`)) return server
  }
  throw new Error(`the primary at ${port} has no replica`)
}

test('a new token is sent only when replicas have the pointer to it, which is on another server', async () => {
  // The list of the user has to be written too, so it must lie on another server.
  const list = await redis.ownerOf('user-sessions:ann')
  const { token, owner } = await until('the session is on another server than the list', async () => {
    const session = await store(left).setSession(aUser('ann'))
    const at = await redis.ownerOf(keyOf(session.token))
    return at === list ? undefined : { token: session.token, owner: at }
  })
  const replica = await replicaOf(owner)
  replica.pause()
  try {
    // The new token may lie on the same server: then nothing was replaced, and the next attempt draws another one.
    await until('the token is replaced, on one server of two', async () => {
      const rotation = await store(left)
        .rotateSession(token)
        .catch(() => undefined)
      assert.equal(rotation, undefined)
      return (await valueAt(token)).startsWith('{"replacedBy":')
    })
    await assert.rejects(store(right).rotateSession(token), RedisUnavailable)
  } finally {
    replica.resume()
  }
  const rotation = await until('a replica has the pointer', () =>
    store(right)
      .rotateSession(token)
      .catch(() => undefined),
  )
  assert.equal((await store(left).getSession(rotation.token))?.user.username, 'ann')
})

test('a session counts its new token as used only when replicas know that the old one is retired', async () => {
  const { token } = await store(left).setSession(aUser('bob'))
  const owner = await redis.ownerOf(keyOf(token))
  let [older, newer] = [token, token]
  await until('both tokens are on different servers', async () => {
    const rotation = await store(left).rotateSession(newer)
    // None while the replica of the last test has not caught up.
    if (rotation) [older, newer] = [newer, rotation.token]
    return (await redis.ownerOf(keyOf(older))) === owner && (await redis.ownerOf(keyOf(newer))) !== owner
  })
  const replica = await replicaOf(owner)
  replica.pause()
  try {
    // At once: the second one finds that the first one has retired the token, and must wait for the replica too.
    const found = await Promise.all([left, right].map((connection) => store(connection).getSession(newer)))
    for (const session of found) assert.equal(session?.user.username, 'bob')
    assert.match(await valueAt(newer), /"unconfirmed"/)
  } finally {
    replica.resume()
  }
  await until('the next use completes the step', async () => {
    await store(right).getSession(newer)
    return !(await valueAt(newer)).includes('"unconfirmed"')
  })
  assert.match(await valueAt(older), /"retiredAt"/)
})
