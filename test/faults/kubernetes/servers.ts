// The Redis servers of a stack that has several, and their roles, by the names of their pods.
import { createSentinels } from '../sentinels.ts'
import { untilWhole } from '../whole.ts'
import type { KubernetesStack } from './stack.ts'

const SENTINEL_PODS = ['sentinel-0', 'sentinel-1', 'sentinel-2']
const SERVERS = { single: 1, sentinel: 3, cluster: 6 }
/** How long a replica may take to return. */
const PATIENCE_MS = 180_000

export type ReplicatedServers = Awaited<ReturnType<typeof openServers>>

export async function openServers(stack: KubernetesStack) {
  const kind = await stack.redisKind()

  /** The pod behind this address, which is that of its Service. */
  async function podAt(address: string): Promise<string | undefined> {
    const line = '{range .items[*]}{.metadata.name} {.spec.clusterIP}{"\\n"}{end}'
    const select = ['--selector', 'app.kubernetes.io/name=redis', '--output', `jsonpath=${line}`]
    const services = (await stack.kubectl('get', 'services', ...select)).split('\n').map((one) => one.split(' '))
    return services.find(([, known]) => known === address)?.[0]
  }

  /** The pods of all primaries. Sentinels of a dead machine do not answer, so `sentinels` may leave them out. */
  async function primaries(sentinels: readonly string[] = SENTINEL_PODS): Promise<string[]> {
    const addresses =
      kind === 'sentinel'
        ? [await createSentinels(stack, sentinels).primaryAddress()]
        : addressesOfPrimaries(await stack.redis('CLUSTER', 'NODES'))
    const names = await Promise.all(addresses.map(podAt))
    return names.flatMap((name) => name ?? [])
  }

  /** Every Redis has the data of its primary, every sentinel knows all of them, and every node uses them. */
  async function isWhole(): Promise<boolean> {
    const pods = await stack.pods('redis')
    if (pods.length !== SERVERS[kind] || !pods.every(({ isReady }) => isReady)) return false
    if (kind === 'sentinel' && !(await createSentinels(stack, SENTINEL_PODS).agree())) return false
    if (kind === 'cluster' && !/^cluster_state:ok\r?$/m.test(await stack.redis('CLUSTER', 'INFO'))) return false
    const nodes = await stack.pods('app')
    if (nodes.length === 0 || !nodes.every(({ isReady }) => isReady)) return false
    const ready = await Promise.all(nodes.map(({ name }) => stack.probe(name, '/readyz')))
    return ready.every((status) => status === 200)
  }

  return {
    kind,
    primaries,
    /** The only primary, or one of a cluster. */
    async primary(sentinels?: readonly string[]): Promise<string> {
      const [first] = await primaries(sentinels)
      if (first === undefined) throw new Error('there is no primary')
      return first
    },
    async whole(): Promise<void> {
      await untilWhole(isWhole, PATIENCE_MS)
    },
  }
}

/** https://redis.io/docs/latest/commands/cluster-nodes/ */
function addressesOfPrimaries(nodes: string): string[] {
  const lines = nodes.split(/\r?\n/).map((line) => line.split(' '))
  return lines
    .filter(([, , flags = '', , , , , , slots]) => /master/.test(flags) && !/fail/.test(flags) && slots !== undefined)
    .map(([, address = '']) => address.split(':', 1)[0] ?? '')
}
