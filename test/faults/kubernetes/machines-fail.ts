// Updates, and the faults of machines: what Kubernetes calls nodes.
import { command } from '../../support/command.ts'
import { until } from '../../support/until.ts'
import type { Fault } from '../fault.ts'
import type { KubernetesStack } from './stack.ts'

const NONE = { get: [], post: [] }

const rollOut: Fault<KubernetesStack> = {
  name: 'roll-out',
  title: 'Every node is replaced by a new version, and back',
  tolerated: NONE,
  slowestMs: 2_000,
  recoverMs: 10_000,
  seconds: 90,
  async happen(stack, watch) {
    const before = await stack.nodes()
    await stack.kubectl('rollout', 'restart', 'deployment/app')
    await stack.kubectl('rollout', 'status', 'deployment/app', '--timeout=300s')
    const updated = await stack.nodes()
    watch.expect(!updated.some((name) => before.includes(name)), 'a node of the old version is left')
    await stack.kubectl('rollout', 'undo', 'deployment/app')
    await stack.kubectl('rollout', 'status', 'deployment/app', '--timeout=300s')
    watch.mended()
    const after = await stack.untilReady('app', before.length)
    watch.expect(!after.some(({ name }) => updated.includes(name)), 'a node of the new version is left')
  },
}

/** A machine that runs a node, and neither Redis nor the address of the drill. */
async function victimOf(stack: KubernetesStack): Promise<string> {
  const [redis] = await stack.pods('redis')
  const addresses = await stack.kubectl(
    ...[
      'get',
      'nodes',
      '--output',
      'jsonpath={range .items[*]}{.metadata.name} {.status.addresses[*].address}{"\\n"}{end}',
    ],
  )
  const host = new URL(stack.url).hostname
  const ours = addresses
    .split('\n')
    .find((line) => line.split(' ').includes(host))
    ?.split(' ')[0]
  const victim = (await stack.pods('app')).find(({ machine }) => machine !== redis?.machine && machine !== ours)
  if (!victim)
    throw new Error('There is no machine without Redis and the address of this drill: three machines are needed')
  return victim.machine
}

const drainNode: Fault<KubernetesStack> = {
  name: 'drain-node',
  title: 'A machine is drained',
  tolerated: NONE,
  slowestMs: 2_000,
  recoverMs: 15_000,
  seconds: 45,
  async happen(stack, watch) {
    const count = (await stack.nodes()).length
    const machine = await victimOf(stack)
    const options = ['--ignore-daemonsets', '--delete-emptydir-data', '--timeout=180s']
    try {
      // Only the pods of this stack: the machine can run those of others.
      await stack.kubectl('drain', machine, ...options, '--pod-selector=app.kubernetes.io/part-of=sessions')
      const pods = await stack.untilReady('app', count)
      watch.expect(!pods.some((pod) => pod.machine === machine), `${machine} still runs a node`)
      watch.mended()
    } finally {
      await stack.kubectl('uncordon', machine)
    }
  },
}

const shell = async (script: string, machine: string) => {
  const { code, output } = await command('sh', ['-c', `${script} "$1"`, 'sh', machine])
  if (code !== 0) throw new Error(`${script} ${machine} exited with status ${code}: ${output}`)
}

const killMachine: Fault<KubernetesStack> = {
  name: 'kill-machine',
  title: 'A machine dies suddenly',
  // Until Kubernetes knows it, about a minute later, a part of the connections goes to the nginx of this machine.
  tolerated: { get: [0, 502, 504], post: [0, 502, 504] },
  slowestMs: 15_000,
  recoverMs: 120_000,
  seconds: 90,
  async happen(stack, watch) {
    const { K8S_KILL_NODE: kill = '', K8S_REVIVE_NODE: revive = '' } = process.env
    const count = (await stack.nodes()).length
    const machine = await victimOf(stack)
    await shell(kill, machine)
    watch.mended()
    try {
      await until(
        'the other machines run all nodes',
        async () => {
          const pods = await stack.pods('app')
          const living = pods.filter((pod) => pod.isReady && pod.machine !== machine)
          return living.length >= count
        },
        180_000,
      )
    } finally {
      if (revive !== '') await shell(revive, machine)
    }
  },
}

export const machineFaults = [
  ...[rollOut, drainNode],
  // Only whoever has made the cluster can do that: K8S_KILL_NODE and K8S_REVIVE_NODE are commands that get a machine's name.
  ...(process.env.K8S_KILL_NODE ? [killMachine] : []),
]
