// Updates, and the faults of machines: what Kubernetes calls nodes.
import { until } from '../../support/until.ts'
import type { Fault } from '../fault.ts'
import { CAN_KILL_MACHINES, machineOfDrill, whileMachineIsDead } from './machines.ts'
import { openServers } from './servers.ts'
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

/** A machine that runs a node, and neither a primary nor the address of the drill. */
async function victimOf(stack: KubernetesStack): Promise<string | undefined> {
  const servers = await openServers(stack)
  const redis = await stack.pods('redis')
  const primaries = servers.kind === 'single' ? redis.map(({ name }) => name) : await servers.primaries()
  const taken = redis.filter(({ name }) => primaries.includes(name)).map(({ machine }) => machine)
  const ours = await machineOfDrill(stack)
  const victim = (await stack.pods('app')).find(({ machine }) => !taken.includes(machine) && machine !== ours)
  return victim?.machine
}

/** Kubernetes leaves nodes where they are, also after another drill has emptied a machine. New ones are spread again. */
async function haveVictim(stack: KubernetesStack): Promise<void> {
  if (await victimOf(stack)) return
  await stack.kubectl('rollout', 'restart', 'deployment/app')
  await stack.kubectl('rollout', 'status', 'deployment/app', '--timeout=300s')
}

async function chooseVictim(stack: KubernetesStack): Promise<string> {
  const machine = await victimOf(stack)
  if (machine) return machine
  throw new Error('There is no machine without a primary and the address of this drill: three machines are needed')
}

const drainNode: Fault<KubernetesStack> = {
  name: 'drain-node',
  title: 'A machine is drained',
  tolerated: NONE,
  slowestMs: 2_000,
  recoverMs: 15_000,
  seconds: 45,
  prepare: haveVictim,
  async happen(stack, watch) {
    const count = (await stack.nodes()).length
    const machine = await chooseVictim(stack)
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

const killMachine: Fault<KubernetesStack> = {
  name: 'kill-machine',
  title: 'A machine dies suddenly',
  // Until Kubernetes knows it, about a minute later, a part of the connections goes to the nginx of this machine.
  tolerated: { get: [0, 502, 504], post: [0, 502, 504] },
  slowestMs: 15_000,
  recoverMs: 120_000,
  seconds: 90,
  prepare: haveVictim,
  async happen(stack, watch) {
    const count = (await stack.nodes()).length
    const machine = await chooseVictim(stack)
    await whileMachineIsDead(machine, async () => {
      watch.mended()
      await until(
        'the other machines run all nodes',
        async () => {
          const pods = await stack.pods('app')
          return pods.filter((pod) => pod.isReady && pod.machine !== machine).length >= count
        },
        180_000,
      )
    })
  },
}

export const machineFaults = [
  ...[rollOut, drainNode],
  // Not without K8S_KILL_NODE.
  ...(CAN_KILL_MACHINES ? [killMachine] : []),
]
