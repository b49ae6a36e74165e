import { startFaults } from './bad-start.ts'
import { clockFaults } from './clock-off.ts'
import type { Fault } from './fault.ts'
import { nodeFaults } from './nodes-fail.ts'
import { redisFaults } from './redis-fails.ts'
import { killRedisWhileRotating } from './rotation-forgotten.ts'
import { stackChanges } from './stack-changes.ts'

export const FAULTS: readonly Fault[] = [
  ...[...nodeFaults, ...stackChanges, ...redisFaults, killRedisWhileRotating],
  ...[...clockFaults, ...startFaults],
]

/** What is over within half a minute and needs nothing made anew for it: make soak goes through them, again and again. */
const IN_SOAK = [
  ...['kill-node', 'kill-redis', 'reload-nginx', 'cut-node', 'pause-redis', 'rolling', 'slow-redis', 'pause-node'],
  ...['full-redis', 'no-connections'],
]
export const SOAK_FAULTS: readonly Fault[] = IN_SOAK.flatMap((wanted) => FAULTS.filter(({ name }) => name === wanted))
