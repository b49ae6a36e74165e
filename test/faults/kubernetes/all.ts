import type { Fault } from '../fault.ts'
import type { RedisKind } from '../servers.ts'
import type { Control } from '../try-faults.ts'
import { controls } from './controls.ts'
import { killLonelyPrimary, lonelyControl } from './lonely-primary.ts'
import { machineFaults } from './machines-fail.ts'
import { podFaults } from './pods-fail.ts'
import { primaryFaults } from './primary-fails.ts'
import { redisFaults } from './redis-fails.ts'
import type { KubernetesStack } from './stack.ts'

export const FAULTS: readonly Fault<KubernetesStack>[] = [...podFaults, ...redisFaults, ...machineFaults]

/** The other faults that say something new where Redis has replicas. */
const ALSO_WITH_REPLICAS = ['kill-node', 'roll-out', 'drain-node']
const withReplicas = [...primaryFaults, ...FAULTS.filter(({ name }) => ALSO_WITH_REPLICAS.includes(name))]

/** What make chaos does to a stack with this kind of Redis: make k8s-up REDIS=... */
export const FAULTS_OF: Record<RedisKind, readonly Fault<KubernetesStack>[]> = {
  single: FAULTS,
  sentinel: [killLonelyPrimary, ...withReplicas],
  // A drained machine can have two primaries of a cluster. The replica of a dead one has no replica that confirms its writes, and gets
  // none until the machine is back: docs/kubernetes.md
  cluster: withReplicas.filter(({ name }) => !['drain-node', 'kill-primary-machine'].includes(name)),
}

/** What the drill must notice: make chaos-controls. Those of a cluster are in Compose. */
export const CONTROLS_OF: Record<RedisKind, readonly Control<KubernetesStack>[]> = {
  single: controls,
  sentinel: [lonelyControl],
  cluster: [],
}
