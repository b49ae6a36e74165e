import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FAULTS_OF } from '../faults/kubernetes/all.ts'
import { lonelyControl } from '../faults/kubernetes/lonely-primary.ts'
import { openServers } from '../faults/kubernetes/servers.ts'
import { assertNoticed, createKubernetesFaultStack, testKubernetesFaults } from '../support/kubernetes-faults.ts'
import { NO_CLUSTER } from '../support/kubernetes-stack.ts'
import { createVisitor } from '../support/visitor.ts'

// make k8s-up REDIS=sentinel. Its manifests without a cluster: test/unit/kubernetes-redis.test.ts
const skip = NO_CLUSTER
const stack = createKubernetesFaultStack('sessions-test-k8s-sentinels', 'sentinel')

test('make k8s-up keeps the kind of Redis that runs, and every command reaches the primary after a failover', {
  skip,
}, async () => {
  assert.match(await stack.up({ REDIS: '' }), /The stack keeps REDIS=sentinel[\s\S]*Nothing has changed/)
  const servers = await openServers(stack.open())
  await servers.whole()
  const before = await servers.primary()
  const visitor = createVisitor(stack.url())
  await visitor.logIn()
  const said = await stack.run('make', 'failover')
  await servers.whole()
  assert.notEqual(await servers.primary(), before, said)
  assert.match(await stack.run('deploy/redis-cli', 'ROLE'), /^master/)
  assert.match(await stack.run('make', 'sessions'), /^ada /m)
  assert.equal((await visitor.whoAmI()).status, 200)
  await visitor.logOut()
})

test('the primary, its replicas and the sentinels are on different machines, if there are three', {
  skip,
}, async () => {
  const machines = (await stack.run('kubectl', 'get', 'nodes', '--output', 'name')).trim().split('\n').length
  for (const part of ['redis', 'sentinel'] as const) {
    const used = new Set((await stack.open().pods(part)).map(({ machine }) => machine))
    assert.equal(used.size, Math.min(3, machines), part)
  }
})

/** What a busy machine cannot judge is how fast Redis fails over. A loss is always a failure. */
const WANTED = ['kill-lonely-primary', 'delete-primary', 'kill-primary-machine']
testKubernetesFaults(
  stack,
  FAULTS_OF.sentinel
    .filter(({ name }) => WANTED.includes(name))
    .map((fault) => ({ ...fault, ...(fault.recoverMs < 60_000 && { slowestMs: 10_000, recoverMs: 60_000 }) })),
)

test(
  'the control: where no write waits for a replica, a primary that loses its replicas and dies loses sessions',
  {
    skip,
  },
  () => assertNoticed(stack, lonelyControl.fault, lonelyControl.finds),
)

test('sessions survive make k8s-down and make k8s-up with new addresses', {
  skip,
}, async () => {
  const servers = await openServers(stack.open())
  const addresses = () => stack.kubectl('get', 'services', '--output', 'jsonpath={.items[*].spec.clusterIP}')
  const before = await addresses()
  const visitor = createVisitor(stack.url())
  await visitor.logIn()
  const cookie = visitor.cookie() ?? ''
  await stack.run('make', '--no-print-directory', 'k8s-down')
  await stack.up()
  assert.notEqual(await addresses(), before)
  await servers.whole()
  // Its token may be due for a rotation, within its grace period.
  const { status } = await fetch(`${stack.url()}/api/user`, { headers: { Cookie: cookie } })
  assert.equal(status, 200)
})
