import type { Fault } from '../fault.ts'
import { machineFaults } from './machines-fail.ts'
import { podFaults } from './pods-fail.ts'
import { redisFaults } from './redis-fails.ts'
import type { KubernetesStack } from './stack.ts'

export const FAULTS: readonly Fault<KubernetesStack>[] = [...podFaults, ...redisFaults, ...machineFaults]
