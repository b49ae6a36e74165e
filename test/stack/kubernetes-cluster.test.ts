import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FAULTS_OF } from '../faults/kubernetes/all.ts'
import { openServers } from '../faults/kubernetes/servers.ts'
import { ALAN, GRACE } from '../support/http.ts'
import { createKubernetesFaultStack, testKubernetesFaults } from '../support/kubernetes-faults.ts'
import { NO_CLUSTER } from '../support/kubernetes-stack.ts'
import { until } from '../support/until.ts'
import { createVisitor } from '../support/visitor.ts'

// make k8s-up REDIS=cluster. Its manifests without a cluster: test/unit/kubernetes-redis.test.ts
const skip = NO_CLUSTER
const stack = createKubernetesFaultStack('sessions-test-k8s-cluster', 'cluster')

test('three primaries share the sessions, each on a machine of its own and with a replica elsewhere', {
  skip,
}, async () => {
  const servers = await openServers(stack.open())
  await servers.whole()
  const primaries = (await servers.primaries()).sort()
  assert.deepEqual(primaries, ['a-redis-0', 'b-redis-0', 'c-redis-0'])
  const pods = await stack.open().pods('redis')
  const machineOf = (name: string) => pods.find((pod) => pod.name === name)?.machine
  const machines = (await stack.run('kubectl', 'get', 'nodes', '--output', 'name')).trim().split('\n')
  if (machines.length < 3) return
  assert.equal(new Set(primaries.map(machineOf)).size, 3)
  for (const primary of primaries) assert.notEqual(machineOf(primary), machineOf(primary.replace(/0$/, '1')), primary)
})

test('the commands of an administrator reach all primaries of a cluster on Kubernetes, and make k8s-up changes nothing', {
  skip,
}, async () => {
  assert.match(await stack.up({ REDIS: '' }), /The stack keeps REDIS=cluster[\s\S]*Nothing has changed/)
  const visitors = [undefined, GRACE, ALAN, undefined, GRACE, ALAN].map((account) => ({
    account,
    visitor: createVisitor(stack.url()),
  }))
  for (const { visitor, account } of visitors) assert.equal((await visitor.logIn(account)).status, 200)
  const listed = await stack.run('make', '--no-print-directory', 'sessions')
  for (const user of ['ada', 'grace', 'alan'])
    assert.equal(listed.match(new RegExp(`^${user} `, 'gm'))?.length, 2, listed)
  for (const { visitor } of visitors) assert.equal((await visitor.logOut()).status, 204)
})

/** Once promoted, a replica has none, so it confirms no write until the old primary is back. */
testKubernetesFaults(
  stack,
  FAULTS_OF.cluster
    .filter(({ name }) => name === 'delete-primary')
    .map((fault) => ({ ...fault, slowestMs: 10_000, recoverMs: 60_000 })),
)

test('after a failover, the next make k8s-up returns each shard to its first Redis', { skip }, async () => {
  const servers = await openServers(stack.open())
  await stack.up()
  const isHome = async () => (await servers.primaries()).every((name) => name.endsWith('-0'))
  await until('the first Redis of each shard is its primary', isHome, 120_000)
  await servers.whole()
})
