// The faults of a Redis with replicas: what was acknowledged must survive, and a replica must take over in time.
import { setTimeout as sleep } from 'node:timers/promises'
import { succeed } from '../support/command.ts'
import { createFailover, loginElsewhere, PROMOTED_MS } from './failing-over.ts'
import type { Fault } from './fault.ts'
import { cutOff } from './partition.ts'
import { remakeNodes } from './remake.ts'
import { openServers, redisKind } from './servers.ts'
import type { Stack } from './stack.ts'

/** Tokens change often, so that a lost rotation is noticed. */
const ROTATING = { SESSION_ROTATE: '2', SESSION_ROTATE_GRACE: '2' }
const CUT_MS = 15_000
export const AWAY_MS = 8_000
/** On two cores a killed primary was replaced after five to seven seconds, and the other faults were over sooner: docs/faults.md */
const RECOVERED_MS = 8_000

export const failover = createFailover(async (stack: Stack) => openServers(stack, await redisKind(stack)), {
  prepare: (stack) => remakeNodes(stack, ROTATING),
  restore: (stack) => remakeNodes(stack),
  recoverMs: RECOVERED_MS,
})

export const killPrimary = failover(
  { name: 'kill-primary', title: 'The primary is killed' },
  async (stack, watch, servers) => {
    const { primary } = await servers.group()
    await stack.kill(primary)
    watch.mended()
  },
)

export const pausePrimary = failover(
  // Counted from the beginning: a replica takes over while the old primary hangs.
  { name: 'pause-primary', title: 'The primary hangs for 15 s, and returns', recoverMs: PROMOTED_MS },
  async (stack, _watch, servers) => {
    const { primary } = await servers.group()
    await stack.docker('pause', stack.container(primary))
    try {
      await sleep(CUT_MS)
    } finally {
      await stack.docker('unpause', stack.container(primary))
    }
    // What it still believes must not reach a user.
    await sleep(3_000)
  },
)

/** The primary and a node reach each other and nginx, but none of the others. */
export const cutPrimary = failover(
  { name: 'cut-primary', title: 'The primary is cut off together with a node, for 15 s' },
  async (stack, watch, servers) => {
    const { primary } = await servers.group()
    const [first = '', second = first] = await stack.nodes()
    const nodes = (await stack.nodes()).filter((node) => node !== second)
    const others = [...nodes, ...servers.all.filter((part) => part !== primary), ...servers.sentinels]
    const fromMs = watch.now()
    const mend = await cutOff(stack, [primary, second], others)
    try {
      const cutMs = watch.now()
      if (servers.kind !== 'cluster') {
        await loginElsewhere(watch, cutMs, { cut: [second] })
        watch.expectWithin(watch.now() - fromMs, PROMOTED_MS + (cutMs - fromMs), 'a login at the other nodes')
      }
      await sleep(Math.max(0, CUT_MS - (watch.now() - fromMs)))
    } finally {
      await mend()
    }
    watch.mended()
  },
)

const plannedFailover = failover(
  { name: 'planned-failover', title: 'A replica takes over as planned (make failover)' },
  async (_stack, watch) => {
    await succeed('deploy/failover', [])
    watch.mended()
  },
)

const killSentinels = failover(
  { name: 'kill-sentinels', title: 'All sentinels are killed for 8 s', tolerated: { get: [], post: [] } },
  async (stack, _watch, { sentinels }) => {
    const containers = sentinels.map(stack.container)
    await stack.docker('kill', ...containers)
    try {
      await sleep(AWAY_MS)
    } finally {
      await stack.docker('start', ...containers)
    }
  },
)

const killReplicas = failover(
  { name: 'kill-replicas', title: 'All replicas of a primary are killed for 8 s' },
  async (stack, watch, servers) => {
    const { replicas } = await servers.group()
    const containers = replicas.map(stack.container)
    await stack.docker('kill', ...containers)
    try {
      await sleep(AWAY_MS)
    } finally {
      await stack.docker('start', ...containers)
    }
    watch.mended()
  },
)

export const sentinelFaults = [killPrimary, pausePrimary, cutPrimary, plannedFailover, killSentinels, killReplicas]

/**
 * In a cluster each primary has one replica. Once promoted it has none, so it confirms no write until the old primary is back.
 */
const withOneReplica = (fault: Fault): Fault => ({ ...fault, recoverMs: CUT_MS + PROMOTED_MS })
export const commonFaults = [
  killPrimary,
  ...[pausePrimary, cutPrimary].map(withOneReplica),
  ...[plannedFailover, killReplicas],
]

/** The same fault where neither a replica is waited for, nor a lonely primary refuses writes. It must lose something. */
export const withoutReplicas = (fault: Fault): Fault => ({
  ...fault,
  prepare: async (stack) => {
    await setMinReplicas(stack, '0')
    await remakeNodes(stack, { ...ROTATING, SESSION_REPLICAS: '0' })
  },
  restore: async (stack) => {
    await setMinReplicas(stack, '1')
    await remakeNodes(stack)
  },
})

async function setMinReplicas(stack: Stack, count: string): Promise<void> {
  const { all, ask } = openServers(stack, await redisKind(stack))
  for (const part of all) await ask(part, 'CONFIG', 'SET', 'min-replicas-to-write', count)
}
