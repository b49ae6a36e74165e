// How slow this machine is by itself, measured while a fault is tried out: the control for every bound on a time.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { command } from '../lib/command.ts'
import type { Stack } from './stack.ts'

/** The longest that work took which takes little time on a machine that is fast enough. None of it involves the stack's code. */
export interface MachineDelays {
  /** How late the event loop of this process was. */
  loopMs: number
  /** The start of a Node.js that does nothing: 40 to 80 ms of work for the processor. */
  spawnMs: number
  /** The start of a program that does nothing in a container. */
  engineMs: number
}

export interface MachineWatch {
  delays(): MachineDelays
  stop(): Promise<void>
}

/**
 * A delay of this machine above this share of a bound decides the bound by itself: one request passes four processes, and
 * each of them waits for the processor as these measurements do.
 */
const SHARE = { loop: 1 / 8, spawn: 1 / 8, engine: 1 / 2 }
/** However long the bound: the start of a node or of the whole stack is many times the work that is measured here. */
const MOST_MS = { loop: 100, spawn: 250, engine: 500 }
const EVERY_MS = 1_000
const RESOLUTION_MS = 10

/** The delay that makes this machine too slow to judge such a bound; undefined if it is fast enough. */
export function tooSlowFor(boundMs: number, { loopMs, spawnMs, engineMs }: MachineDelays): string | undefined {
  const isTooLong = (kind: keyof typeof SHARE, ms: number) => ms > Math.min(SHARE[kind] * boundMs, MOST_MS[kind])
  if (isTooLong('loop', loopMs)) return `the event loop of the recorder was ${loopMs.toFixed(0)} ms late`
  if (isTooLong('spawn', spawnMs)) return `the start of an empty program took ${spawnMs.toFixed(0)} ms`
  if (isTooLong('engine', engineMs)) return `the start of a program in a container took ${engineMs.toFixed(0)} ms`
  return undefined
}

/** Measures until it is stopped. */
export function watchMachine({ container }: Pick<Stack, 'container'>): MachineWatch {
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  loop.enable()
  const stopping = new AbortController()
  let spawnMs = 0
  let engineMs = 0

  async function measure(): Promise<void> {
    while (!stopping.signal.aborted) {
      spawnMs = Math.max(spawnMs, (await timeOf(process.execPath, ['--eval', '0'])) ?? 0)
      // Where nginx is not running just now there is nothing to measure.
      engineMs = Math.max(engineMs, (await timeOf('docker', ['exec', container('nginx-1'), 'true'])) ?? 0)
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
