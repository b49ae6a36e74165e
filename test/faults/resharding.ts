// The faults that only a cluster has: make up REDIS=cluster
import { setTimeout as sleep } from 'node:timers/promises'
import { AWAY_MS, failover } from './failover.ts'
import type { Servers } from './servers.ts'
import type { Stack } from './stack.ts'

/** About a tenth of all slots, so that some sessions move. */
const SLOTS = '1500'

/** The sessions of the other primaries work meanwhile. */
const killPrimaryAndReplica = failover(
  { name: 'kill-primary-and-replica', title: 'A primary is killed with its replica, for 8 s' },
  async (stack, watch, servers) => {
    const { primary, replicas } = await servers.group()
    const containers = [primary, ...replicas].map(stack.container)
    await stack.docker('kill', ...containers)
    try {
      await sleep(AWAY_MS)
    } finally {
      await stack.docker('start', ...containers)
    }
    watch.mended()
  },
)

export const moveSlots = failover(
  { name: 'move-slots', title: `${SLOTS} slots move to another primary, and back`, tolerated: { get: [], post: [] } },
  async (stack, watch, servers) => {
    const [from, to] = (await servers.groups()).map(({ primary }) => primary)
    if (from === undefined || to === undefined) throw new Error('there are no two primaries')
    const before = await keysIn(servers, to)
    await moveTo(stack, servers, from, to)
    watch.expect((await keysIn(servers, to)) > before, 'no key was moved')
    await moveTo(stack, servers, to, from)
    watch.mended()
  },
)

const keysIn = async ({ ask }: Servers, part: string) => Number(await ask(part, 'DBSIZE'))

/**
 * redis-cli calls the server that it connects to by the address that it was given, and the source of the slots connects to that
 * address: with 127.0.0.1 it would connect to itself, and block until the other servers replace it.
 * https://redis.io/docs/latest/operate/oss_and_stack/management/scaling/#reshard-the-cluster
 */
async function moveTo(stack: Stack, { ask }: Servers, from: string, to: string): Promise<void> {
  const [source, target] = [await myself(ask, from), await myself(ask, to)]
  const slots = ['--cluster-from', source.id, '--cluster-to', target.id, '--cluster-slots', SLOTS]
  await stack.redis('--cluster', 'reshard', target.address, ...slots, '--cluster-yes')
}

/** https://redis.io/docs/latest/commands/cluster-nodes/ */
async function myself(ask: Servers['ask'], part: string): Promise<{ id: string; address: string }> {
  const lines = (await ask(part, 'CLUSTER', 'NODES')).split(/\r?\n/)
  const [id, address] = lines.find((line) => line.includes('myself'))?.split(' ') ?? []
  if (id === undefined || address === undefined) throw new Error(`${part} does not name itself`)
  return { id, address: address.replace(/@.*/, '') }
}

export const clusterFaults = [killPrimaryAndReplica, moveSlots]
