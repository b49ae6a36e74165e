import { startFaults } from './bad-start.ts'
import { fullDiskOfPrimary } from './changed-replica.ts'
import { clockFaults } from './clock-off.ts'
import { commonFaults, cutPrimary, killPrimary, pausePrimary, sentinelFaults } from './failover.ts'
import type { Fault } from './fault.ts'
import { nodeFaults } from './nodes-fail.ts'
import { redisFaults } from './redis-fails.ts'
import { clusterFaults } from './resharding.ts'
import { killRedisWhileRotating } from './rotation-forgotten.ts'
import type { RedisKind } from './servers.ts'
import { stackChanges } from './stack-changes.ts'

export const FAULTS: readonly Fault[] = [
  ...[...nodeFaults, ...stackChanges, ...redisFaults, killRedisWhileRotating],
  ...[...clockFaults, ...startFaults],
]

/** Faults that take at most half a minute and recreate no container. make soak repeats them. */
const IN_SOAK = [
  ...['kill-node', 'kill-redis', 'reload-nginx', 'cut-node', 'pause-redis', 'rolling', 'slow-redis', 'pause-node'],
  ...['full-redis', 'no-connections'],
]
export const SOAK_FAULTS: readonly Fault[] = IN_SOAK.flatMap((wanted) => FAULTS.filter(({ name }) => name === wanted))

/** The other faults that say something new where Redis has replicas. */
const ALSO_WITH_REPLICAS = ['kill-node', 'cut-node', 'restart-all', 'down-and-up']
const also = FAULTS.filter(({ name }) => ALSO_WITH_REPLICAS.includes(name))

/** What make chaos does to a stack with this kind of Redis: make up REDIS=... */
export const FAULTS_OF: Record<RedisKind, readonly Fault[]> = {
  single: FAULTS,
  sentinel: [...sentinelFaults, fullDiskOfPrimary, ...also],
  cluster: [...commonFaults, ...clusterFaults, ...also],
}

/** What make soak repeats there. Without the protections, a fault of `control` must lose something. */
export const FAILOVERS_OF: Record<RedisKind, { protected: readonly Fault[]; control: readonly Fault[] }> = {
  single: { protected: [], control: [] },
  sentinel: {
    protected: [...sentinelFaults, fullDiskOfPrimary],
    control: [killPrimary, pausePrimary, cutPrimary],
  },
  cluster: { protected: [...commonFaults, ...clusterFaults], control: [killPrimary, pausePrimary, cutPrimary] },
}
