// Measures the speed of this machine during a fault: the control for every time limit.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { command } from '../support/command.ts'
import type { RunningStack } from './running-stack.ts'

/** The longest durations of work that is short on a fast machine. None of it involves the stack's code. */
export interface MachineDelays {
  /** The delay of this process's event loop. */
  loopMs: number
  /** The start of an empty Node.js program: 40 to 80 ms of processor time. */
  spawnMs: number
  /** The start of an empty program in a container. */
  engineMs: number
}

export interface MachineWatch {
  delays(): MachineDelays
  stop(): Promise<void>
}

/**
 * A machine delay above this share of a limit can exceed the limit alone. One request passes four processes, and each
 * waits for the processor like these measurements.
 */
const SHARE = { loop: 1 / 8, spawn: 1 / 8, engine: 1 / 2 }
/** For any limit: starting a node or the whole stack is many times the work measured here. */
const MOST_MS = { loop: 100, spawn: 250, engine: 500 }
const EVERY_MS = 1_000
const RESOLUTION_MS = 10

/** The delay that makes this machine too slow to judge such a limit. Undefined if it is fast enough. */
export function tooSlowFor(boundMs: number, { loopMs, spawnMs, engineMs }: MachineDelays): string | undefined {
  const isTooLong = (kind: keyof typeof SHARE, ms: number) => ms > Math.min(SHARE[kind] * boundMs, MOST_MS[kind])
  if (isTooLong('loop', loopMs)) return `the event loop of the recorder was ${loopMs.toFixed(0)} ms late`
  if (isTooLong('spawn', spawnMs)) return `the start of an empty program took ${spawnMs.toFixed(0)} ms`
  if (isTooLong('engine', engineMs)) return `the start of a program in a container took ${engineMs.toFixed(0)} ms`
  return undefined
}

/** Measures until it is stopped. */
export function watchMachine({ emptyProgram }: Pick<RunningStack, 'emptyProgram'>): MachineWatch {
  const [program, ...words] = emptyProgram
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  loop.enable()
  const stopping = new AbortController()
  let spawnMs = 0
  let engineMs = 0

  async function measure(): Promise<void> {
    while (!stopping.signal.aborted) {
      spawnMs = Math.max(spawnMs, (await timeOf(process.execPath, ['--eval', '0'])) ?? 0)
      // Without a running nginx there is nothing to measure.
      engineMs = Math.max(engineMs, (await timeOf(program, words)) ?? 0)
      await sleep(EVERY_MS, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }
  const measuring = measure()

  return {
    delays: () => ({ loopMs: Math.max(0, loop.max / 1e6 - RESOLUTION_MS), spawnMs, engineMs }),
    async stop() {
      loop.disable()
      stopping.abort()
      await measuring
    },
  }
}

async function timeOf(program: string, words: readonly string[]): Promise<number | undefined> {
  const startedAt = performance.now()
  const { code } = await command(program, words)
  return code === 0 ? performance.now() - startedAt : undefined
}
