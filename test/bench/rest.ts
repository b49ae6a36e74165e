// Measures the stack of `make up` when no client sends requests: heartbeats, event log and health checks.
import { setTimeout as sleep } from 'node:timers/promises'
import { succeed } from '../support/command.ts'
import type { Bench } from './stack.ts'
import { OURS, type Part } from './tier.ts'

const WARM_UP_MS = 10_000

export interface Rest {
  seconds: number
  /** The processor time of each part, in percent of one core. */
  percent: Record<Part, number>
}

/** Replaces the tier of this project by the stack of docker-compose.yml, whose health checks run. `seconds` has to be a multiple of their interval. */
export async function measureRest(bench: Bench, seconds: number): Promise<Rest> {
  // Without test/bench/compose.yml.
  const onlyMakeUp = { COMPOSE_FILE: 'docker-compose.yml' }
  await succeed('docker', ['compose', 'up', '--detach', '--wait', '--quiet-pull'], onlyMakeUp)
  const containers = await bench.containersOf(OURS)
  // The start goes on for some seconds after the first health check has passed: compiled code, connections, first events.
  await sleep(WARM_UP_MS)
  const startedAt = performance.now()
  const before = await bench.cpuOf(containers)
  await sleep(1000 * seconds)
  const after = await bench.cpuOf(containers)
  const micros = 1000 * (performance.now() - startedAt)
  const percentOf = (part: Part) => (100 * (after[part] - before[part])) / micros
  return { seconds, percent: { app: percentOf('app'), redis: percentOf('redis'), nginx: percentOf('nginx') } }
}
