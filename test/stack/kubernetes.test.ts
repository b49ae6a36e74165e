import assert from 'node:assert/strict'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { judge } from 'loadtest/lib/judge'
import { tryOut } from '../faults/drill.ts'
import { FAULTS } from '../faults/kubernetes/all.ts'
import { openStack } from '../faults/kubernetes/stack.ts'
import { succeed, TOP } from '../support/command.ts'
import { expectShared } from '../support/contract/session-life.ts'
import type { TwoNodes } from '../support/contract/two-nodes.ts'
import { declareContract } from '../support/contract.ts'
import { assertSurvived } from '../support/fault-tests.ts'
import { hasK6 } from '../support/k6.ts'
import { openTwoNodes } from '../support/kubernetes-nodes.ts'
import { createKubernetesStack, NO_CLUSTER } from '../support/kubernetes-stack.ts'
import { prove } from '../support/proof.ts'
import { failures, startSteadyLoad } from '../support/steady-load.ts'
import { createVisitor, type Visitor } from '../support/visitor.ts'

// The stack on the cluster that kubectl uses. Its manifests without a cluster: test/unit/kubernetes.test.ts
const skip = NO_CLUSTER
// The contract logs in often, and with wrong passwords.
const MANY = '100000'
const PATIENT = {
  LOGIN_FAILURES: MANY,
  LOGIN_FAILURES_ADDRESS: MANY,
  LOGINS_PER_MINUTE: MANY,
  LOGINS_PER_MINUTE_ADDRESS: MANY,
}
const stack = createKubernetesStack('sessions-test-k8s', PATIENT)
const { kubectl, tryTo } = stack
// Read before the drills switch k6 off.
const { K6 = '' } = process.env
const NO_K6 = !hasK6() && 'there is no k6 here, neither its image nor a program'
const open = () => openStack(stack.url())
let saidByUp = ''
const SEAL_KEYS = `${TOP}/.secrets/session-seal-keys`
let sealKeys = ''

before(async () => {
  if (skip) return
  saidByUp = await stack.up()
  sealKeys = await readFile(SEAL_KEYS, 'utf8')
  // The faults find the stack by environment variables, like make.
  Object.assign(process.env, stack.env, { HAVE_K6: '', K6: '' })
  process.env.TEST_ACCOUNTS = await succeed('deploy/test-accounts', ['create', 'faults', '6'])
})
after(async () => {
  if (skip) return
  await stack.down()
  // Not before: sessions of this stack are sealed with the new key.
  if (sealKeys === '') return
  await chmod(SEAL_KEYS, 0o644)
  await writeFile(SEAL_KEYS, sealKeys)
})

test('make k8s-up starts the stack, waits until it is ready, and prints its address and the next commands', {
  skip,
}, async () => {
  assert.match(saidByUp, /http:\/\/\S+:\d+[\s\S]*ada +analytical-engine[\s\S]*make loadtest[\s\S]*make k8s-logs/)
  assert.equal((await fetch(stack.url())).status, 200)
})

test('make k8s-up on a running stack changes nothing', { skip }, async () => {
  const pods = () => kubectl('get', 'pods', '--output', 'name')
  const before = await pods()
  assert.match(await stack.up(), /^Nothing has changed\.$/m)
  assert.equal(await pods(), before)
})

if (skip) test('two nodes on Kubernetes keep the contract of HTTP', { skip }, () => {})
else
  describe('two nodes on Kubernetes keep the contract of HTTP', () => {
    let pair: TwoNodes
    before(async () => {
      pair = await openTwoNodes(stack)
    })
    after(() => pair.stop())
    declareContract(() => pair)
  })

test('on Kubernetes, every node accepts a session created on any node, and rejects it after logout', {
  skip,
}, async () => {
  const proof = await prove({ url: stack.url(), nodes: await open().nodes(), minPerCell: 5 })
  assert.equal(proof.matrix.length, 9)
  assert.deepEqual(judge(proof), [])
})

test('make prove recognises the stack by its URL, and proves it with accounts of its own', { skip }, async () => {
  const { code, output } = await tryTo('make', 'prove', `URL=${stack.url()}`)
  assert.equal(code, 0, output)
  assert.match(output, /^PROVED$/m)
})

test('make loadtest proves the stack on Kubernetes with k6', { skip: skip || NO_K6 }, async () => {
  const { code, output } = await tryTo('make', 'loadtest', `K6=${K6}`, 'LOAD_SECONDS=5', 'LOAD_P95_MS=2000')
  assert.equal(code, 0, output)
  assert.match(output, /^PROVED$/m)
})

test('a node has the name of its pod, in responses, on the page’s list and in both logs', { skip }, async () => {
  const visitor = createVisitor(stack.url())
  await visitor.logIn()
  const { servedBy, headers } = await visitor.whoAmI()
  const names = (await stack.nodes()).map((pod) => pod.replace('pod/', ''))
  assert.ok(names.includes(servedBy), servedBy)
  const cluster = await (await fetch(`${stack.url()}/api/cluster`)).text()
  for (const name of names) assert.ok(cluster.includes(`"name":"${name}"`), name)
  const requestId = headers.get('X-Request-Id') ?? ''
  const logs = await kubectl('logs', '--selector', 'app.kubernetes.io/part-of=sessions', '--tail', '500', '--prefix')
  const lines = logs.split('\n').filter((line) => line.includes(requestId))
  assert.equal(
    lines.filter((line) => line.startsWith(`[pod/${servedBy}/app]`) && line.includes(`"node":"${servedBy}"`)).length,
    1,
  )
  assert.equal(lines.filter((line) => line.includes(`"upstreamNode":"${servedBy}"`)).length, 1)
  await visitor.logOut()
})

test('the API server accepts both overlays and each component', { skip }, async () => {
  for (const [overlay, ...components] of [
    ['local'],
    ['production'],
    ...['hpa', 'monitoring', 'external-redis', 'sentinel', 'cluster'].map((one) => ['local', one]),
  ]) {
    const { code, output } = await stack.dryRun(overlay ?? '', components)
    assert.equal(code, 0, output)
    assert.doesNotMatch(output, /Warning: (?!version)/, output)
  }
  // HTTPRoute is known only to a cluster with the Gateway API.
  const { code, output } = await stack.dryRun('local', ['gateway'])
  assert.ok(code === 0 || /no matches for kind "HTTPRoute"/.test(output), output)
})

test('the namespace rejects a pod that is not restricted', { skip }, async () => {
  const { code, output } = await tryTo(
    ...(['kubectl', '--namespace', stack.env.K8S_NAMESPACE ?? '', 'run', 'root', '--image=nginx:1.30'] as const),
    '--dry-run=server',
  )
  assert.notEqual(code, 0)
  assert.match(output, /violates PodSecurity "restricted/)
})

/** A program for a node: connects to a host and a port. */
const CONNECT = `
  const [host, port] = process.argv.slice(1)
  const socket = require('node:net').connect({ host, port, timeout: 3000 })
  const end = (word) => { console.log(word); process.exit() }
  socket.on('connect', () => end('connected')).on('timeout', () => end('timeout')).on('error', ({ code }) => end(code))`

test('a node reaches Redis, and neither nginx, another node nor the API of Kubernetes', {
  skip: skip || (process.env.K8S_POLICIES === 'off' && 'K8S_POLICIES=off: this cluster ignores network policies'),
}, async () => {
  const connect = async (host: string, port: string) =>
    (await kubectl('exec', 'deployment/app', '--', 'node', '--eval', CONNECT, host, port)).trim()
  const [, other] = await open().pods('app')
  assert.equal(await connect('redis', '6379'), 'connected')
  for (const [host, port] of [
    ['nginx', '80'],
    [other?.address ?? '', '3000'],
    ['kubernetes.default', '443'],
  ] as const)
    assert.notEqual(await connect(host, port), 'connected', `${host}:${port}`)
  const { output } = await tryTo(
    ...(['kubectl', '--namespace', stack.env.K8S_NAMESPACE ?? '', 'exec', 'deployment/nginx', '--'] as const),
    // Redis ends a connection that speaks HTTP: with the status 1 or 52, never with those of no connection.
    ...['curl', '--silent', '--max-time', '3', 'http://redis:6379/'],
  )
  assert.match(output, /exit code (28|7)\b/)
})

test('no pod has a token for the API of Kubernetes', { skip }, async () => {
  for (const part of ['deployment/app', 'deployment/nginx', 'redis-0']) {
    const { output } = await tryTo(
      ...(['kubectl', '--namespace', stack.env.K8S_NAMESPACE ?? '', 'exec', part, '--'] as const),
      ...['ls', '/var/run/secrets/kubernetes.io'],
    )
    assert.match(output, /No such file/, part)
  }
})

for (const fault of FAULTS)
  test(`on Kubernetes, ${fault.name}: ${fault.title}: no session is lost, and every limit holds`, {
    skip,
  }, async (t) => {
    assertSurvived(t, [await tryOut(open(), fault)])
  })

test('on Kubernetes, make seal-key replaces the sealing key, ends no session, and fails no request', {
  skip,
}, async (t) => {
  const sealOf = async (visitor: Visitor) =>
    /"seal":"([^.]{8})/.exec(await stack.run('deploy/redis-cli', '--raw', 'GET', `session:${visitor.token()}`))?.[1]
  const [before, after] = [createVisitor(stack.url()), createVisitor(stack.url())]
  await before.logIn()
  const old = await sealOf(before)
  const load = startSteadyLoad(t, before)
  await stack.run('make', '--no-print-directory', 'seal-key')
  await load.stop()
  assert.deepEqual(failures(load), [])
  await after.logIn()
  const now = await sealOf(after)
  assert.ok(old !== undefined && now !== undefined && old !== now, `${old}, ${now}`)
  assert.equal((await before.whoAmI()).status, 200)
})

test('sessions survive make k8s-down and make k8s-up', { skip }, async () => {
  const visitor = createVisitor(stack.url())
  await visitor.logIn()
  const cookie = visitor.cookie() ?? ''
  await stack.run('make', '--no-print-directory', 'k8s-down')
  assert.equal((await kubectl('get', 'pods', '--output', 'name')).trim(), '')
  await stack.up()
  const { status } = await fetch(`${stack.url()}/api/user`, { headers: { Cookie: cookie } })
  assert.equal(status, 200)
})

test('the control on Kubernetes: with sessions in each node’s memory, the contract and the proof fail', {
  skip,
}, async () => {
  await stack.up({ SESSION_STORE: 'memory' })
  const broken = await openTwoNodes(stack)
  await assert.rejects(expectShared(broken), { name: 'AssertionError', message: /401 !== 200/ }).finally(broken.stop)
  const proof = await prove({ url: stack.url(), nodes: await open().nodes(), minPerCell: 3 })
  assert.ok(judge(proof).length > 0)
  assert.ok(proof.matrix.some(({ createdOn, servedBy, honoured }) => createdOn === servedBy && honoured > 0))
})
