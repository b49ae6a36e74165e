// The faults of single pods.
import { setTimeout as sleep } from 'node:timers/promises'
import { succeed } from '../../support/command.ts'
import { until } from '../../support/until.ts'
import type { Fault, Watch } from '../fault.ts'
import { isRight } from '../history.ts'
import type { KubernetesStack, Pod } from './stack.ts'

type KubernetesFault = Fault<KubernetesStack>

async function victimOf(stack: KubernetesStack): Promise<Pod> {
  const pods = await stack.pods('app')
  const victim = pods[1] ?? pods[0]
  if (victim === undefined) throw new Error('There is no node')
  return victim
}

const killNode: KubernetesFault = {
  name: 'kill-node',
  title: 'The process of a node exits at once',
  tolerated: { get: [], post: [502] },
  slowestMs: 2_000,
  recoverMs: 15_000,
  seconds: 12,
  async happen(stack, watch) {
    const { name, restarts } = await victimOf(stack)
    // A process with the number 1 ignores SIGKILL from inside its container. After a second SIGTERM, a node exits at once.
    await stack.exec(name, 'node', '--eval', 'process.kill(1); process.kill(1)').catch(() => {})
    watch.mended()
    await until('Kubernetes has restarted the node', async () =>
      (await stack.pods('app')).some((pod) => pod.name === name && pod.restarts > restarts && pod.isReady),
    )
  },
}

const deletePod: KubernetesFault = {
  name: 'delete-pod',
  title: 'The pod of a node is deleted without a grace period',
  tolerated: { get: [], post: [502] },
  slowestMs: 2_000,
  recoverMs: 20_000,
  seconds: 15,
  async happen(stack, watch) {
    const count = (await stack.nodes()).length
    await stack.kubectl('delete', 'pod', (await victimOf(stack)).name, '--grace-period=0', '--force', '--wait=false')
    watch.mended()
    await stack.untilReady('app', count)
  },
}

const killNginx: KubernetesFault = {
  name: 'kill-nginx',
  title: 'One of two nginx pods is deleted without a grace period',
  // Connections to this pod are cut. New ones fail until every machine knows that the pod has left.
  tolerated: { get: [0], post: [0] },
  slowestMs: 6_000,
  recoverMs: 10_000,
  seconds: 12,
  async happen(stack, watch) {
    const [victim, other] = await stack.pods('nginx')
    if (!victim || !other) throw new Error('There is only one nginx')
    await stack.kubectl('delete', 'pod', victim.name, '--grace-period=0', '--force', '--wait=false')
    watch.mended()
    await stack.untilReady('nginx', 2)
  },
}

const restartNginx: KubernetesFault = {
  name: 'restart-nginx',
  title: 'The nginx pods are replaced one after the other',
  tolerated: { get: [], post: [] },
  slowestMs: 2_000,
  recoverMs: 10_000,
  seconds: 30,
  async happen(stack, watch) {
    await stack.kubectl('rollout', 'restart', 'deployment/nginx')
    await stack.kubectl('rollout', 'status', 'deployment/nginx', '--timeout=120s')
    watch.mended()
    await stack.untilReady('nginx', 2)
  },
}

const scale: KubernetesFault = {
  name: 'scale',
  title: 'Three nodes become six, then two',
  tolerated: { get: [], post: [] },
  slowestMs: 2_000,
  recoverMs: 10_000,
  seconds: 45,
  async happen(stack, watch) {
    const usual = (await stack.nodes()).length
    const before = await stack.nodes()
    await succeed('deploy/k8s-scale', ['6'])
    // It exits when the new nodes receive requests.
    for (const node of (await stack.nodes()).filter((name) => !before.includes(name)))
      await until(`${node} serves`, () => watch.recorder.hasServed(node, 0), 5_000)
    await succeed('deploy/k8s-scale', ['2'])
    await succeed('deploy/k8s-scale', [String(usual)])
    watch.mended()
  },
}

/** A label that the changed policy of Redis excludes. */
const CUT = 'cut-off-from-redis'

const cutNode: KubernetesFault = {
  name: 'cut-node',
  title: 'A NetworkPolicy cuts a node off from Redis',
  tolerated: { get: [503], post: [503] },
  slowestMs: 1_500,
  recoverMs: 5_000,
  seconds: 25,
  async prepare(stack) {
    const exclude = { op: 'add', path: '/spec/ingress/0/from/0/podSelector/matchExpressions' }
    const value = [{ key: CUT, operator: 'DoesNotExist' }]
    await stack.kubectl(
      'patch',
      'networkpolicy',
      'redis',
      '--type=json',
      '--patch',
      JSON.stringify([{ ...exclude, value }]),
    )
  },
  async restore(stack) {
    const include = { op: 'remove', path: '/spec/ingress/0/from/0/podSelector/matchExpressions' }
    await stack.kubectl('patch', 'networkpolicy', 'redis', '--type=json', '--patch', JSON.stringify([include]))
  },
  async happen(stack, watch) {
    const node = await victimOf(stack)
    await stack.kubectl('label', 'pod', node.name, `${CUT}=yes`)
    try {
      await cutConnections(stack, node)
      // nginx must have noticed by then.
      await sleep(3_000)
      const fromMs = watch.now()
      await sleep(5_000)
      await expectServedByOthers(stack, watch, node, fromMs)
    } finally {
      await stack.kubectl('label', 'pod', node.name, `${CUT}-`)
    }
    watch.mended()
    const mendedMs = watch.now()
    await until('the node serves again', () => watch.recorder.hasServed(node.name, mendedMs))
  },
}

/** Many networks apply a policy to new connections only. */
async function cutConnections(stack: KubernetesStack, { address, name }: Pod): Promise<void> {
  await until('the network keeps the node from Redis', async () => {
    const clients = (await stack.redis('--raw', 'CLIENT', 'LIST')).match(/(?<= addr=)\S+/g) ?? []
    for (const client of clients.filter((one) => one.startsWith(`${address}:`)))
      await stack.redis('CLIENT', 'KILL', 'ADDR', client).catch(() => {})
    return (await stack.probe(name, '/readyz')) === 503
  })
}

async function expectServedByOthers(stack: KubernetesStack, watch: Watch, node: Pod, fromMs: number): Promise<void> {
  const [alive, ready] = [await stack.probe(node.name, '/livez'), await stack.probe(node.name, '/readyz')]
  watch.expect(alive === 200, `the node is not alive: /livez is ${alive}`)
  watch.expect(ready === 503, `the node reports that it has Redis: /readyz is ${ready}`)
  const pod = (await stack.pods('app')).find(({ name }) => name === node.name)
  watch.expect(pod?.isReady === true, 'Kubernetes has removed a node that is alive')
  const late = watch.recorder.between(fromMs, watch.now())
  const wrong = late.filter((operation) => !isRight(operation))
  watch.expect(late.length > 0 && wrong.length === 0, `${wrong.length} wrong answers after three seconds`)
  watch.expect(
    late.every(({ servedBy }) => servedBy !== node.name),
    'nginx still sent the node requests after three seconds',
  )
}

export const podFaults = [killNode, deletePod, killNginx, restartNginx, scale, cutNode]
