// The faults of a Redis with replicas: what was acknowledged must survive, and a replica must take over.
import { succeed } from '../../support/command.ts'
import { until } from '../../support/until.ts'
import { createFailover, loginElsewhere, PROMOTED_MS } from '../failing-over.ts'
import { AWAY_MS } from '../failover.ts'
import { CAN_KILL_MACHINES, machineOfDrill, machinesOfDns, whileMachineIsDead } from './machines.ts'
import { openServers, type ReplicatedServers } from './servers.ts'
import type { KubernetesStack, Pod } from './stack.ts'

/** How long a drill waits for a new primary. It only ends a drill that would hang. */
export const PATIENCE_MS = 120_000

export const failover = createFailover(openServers)

const killPrimary = failover(
  { name: 'kill-primary', title: 'The process of a primary crashes' },
  async (stack, watch, servers) => {
    const primary = await servers.primary()
    // SIGKILL does not reach the process with the number 1 of a container from inside of it.
    await stack.exec(primary, 'sh', '-c', 'kill -SEGV 1').catch(() => {})
    watch.mended()
    await until('another Redis is the primary', async () => !(await servers.primaries()).includes(primary), PATIENCE_MS)
  },
)

/** The pod that replaces it has another address, and the same Service. */
const deletePrimary = failover(
  { name: 'delete-primary', title: 'The pod of a primary is deleted without a grace period' },
  async (stack, watch, servers) => {
    const primary = await servers.primary()
    const before = (await stack.pods('redis')).find(({ name }) => name === primary)
    await stack.kubectl('delete', 'pod', primary, '--grace-period=0', '--force', '--wait=false')
    watch.mended()
    await loginElsewhere(watch, watch.now(), { patienceMs: PATIENCE_MS })
    await servers.whole()
    const after = (await stack.pods('redis')).find(({ name }) => name === primary)
    watch.expect(after !== undefined && after.address !== before?.address, 'the pod has kept its address')
  },
)

const plannedFailover = failover(
  { name: 'planned-failover', title: 'A replica takes over as planned (make failover)' },
  async (_stack, watch) => {
    await succeed('deploy/failover', [])
    watch.mended()
  },
)

/**
 * A primary, and its machine, which the drill can do without: it has neither the address of the drill nor the only DNS server or
 * all nginx, if there is another one. With sentinels, a Redis there becomes the primary first.
 */
async function choosePrimary(stack: KubernetesStack, servers: ReplicatedServers): Promise<Pod> {
  const [ours, dns, balancers] = [await machineOfDrill(stack), await machinesOfDns(stack), await stack.pods('nginx')]
  const isNeeded = (machine: string) => dns.includes(machine) || balancers.every((pod) => pod.machine === machine)
  const pods = (await stack.pods('redis')).filter(({ machine }) => machine !== ours)
  const wanted = pods.find(({ machine }) => !isNeeded(machine)) ?? pods[0]
  if (!wanted) throw new Error('All Redis are on the machine that this drill uses: two machines are needed')
  const primaries = await servers.primaries()
  const chosen = pods.find(({ name, machine }) => primaries.includes(name) && machine === wanted.machine)
  if (chosen) return chosen
  if (servers.kind !== 'sentinel') throw new Error(`No primary is on ${wanted.machine}. Run: make k8s-up`)
  await promote(stack, wanted.name)
  await servers.whole()
  return wanted
}

/** Sentinels never promote a replica with the priority 0. https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/ */
async function promote(stack: KubernetesStack, pod: string): Promise<void> {
  const pods = (await stack.pods('redis')).map(({ name }) => name)
  const set = async (name: string, priority: number) =>
    succeed('deploy/redis-cli', ['CONFIG', 'SET', 'replica-priority', `${priority}`], { REDIS_SERVICE: name })
  const others = pods.filter((name) => name !== pod)
  for (const name of others) await set(name, 0)
  try {
    // The sentinels read the priorities every ten seconds.
    await until(
      `${pod} is the primary`,
      async () => {
        await succeed('deploy/failover', []).catch(() => {})
        return (await (await openServers(stack)).primary()) === pod
      },
      PATIENCE_MS,
    )
  } finally {
    for (const name of others) await set(name, 100)
  }
}

const killPrimaryMachine = failover(
  {
    name: 'kill-primary-machine',
    title: 'The machine of a primary dies suddenly',
    // Until Kubernetes knows it, about a minute later, a part of the connections goes to the nginx of this machine.
    tolerated: { get: [0, 502, 503, 504], post: [0, 502, 503, 504] },
    slowestMs: 15_000,
    recoverMs: 120_000,
  },
  async (stack, watch, servers) => {
    const { name: primary, machine } = await choosePrimary(stack, servers)
    const count = (await stack.nodes()).length
    const sentinels = (await stack.pods('sentinel')).filter((pod) => pod.machine !== machine).map(({ name }) => name)
    const diesMs = watch.now()
    await whileMachineIsDead(machine, async () => {
      watch.mended()
      const deadMs = watch.now()
      await loginElsewhere(watch, deadMs, { patienceMs: PATIENCE_MS })
      watch.expectWithin(
        watch.now() - deadMs,
        PROMOTED_MS + AWAY_MS + (deadMs - diesMs),
        'a login at the other machines',
      )
      if (servers.kind === 'sentinel')
        watch.expect((await servers.primary(sentinels)) !== primary, 'no replica was promoted')
      await until(
        'the other machines run all nodes',
        async () => {
          const pods = await stack.pods('app')
          return pods.filter((pod) => pod.isReady && pod.machine !== machine).length >= count
        },
        PATIENCE_MS + 60_000,
      )
    })
  },
)

/** What make chaos does to a stack with sentinels or a cluster. */
export const primaryFaults = [
  ...[killPrimary, deletePrimary, plannedFailover],
  ...(CAN_KILL_MACHINES ? [killPrimaryMachine] : []),
]
