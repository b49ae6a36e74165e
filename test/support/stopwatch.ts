import assert from 'node:assert/strict'
import { pbkdf2 } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { until } from './until.ts'

/** Work of known length. It does not involve the product. */
const knownWork = () => promisify(pbkdf2)('', '', 20_000, 32, 'sha256')
/** How long it takes on a quick machine where nothing else runs. */
const KNOWN_WORK_MS = 6
const PAUSE_MS = 40

export interface Stopwatch {
  elapsedMs(): number
  /**
   * Requires that not more than `limitMs` have passed. A machine that takes three times as long for the known work has three times
   * as long, so a limit holds on any machine, and a product that is slower than its machine still exceeds it.
   */
  assertWithin(limitMs: number, what: string): void
  /** Ends the measurement, which takes processor time. It also ends with `assertWithin`, and after a minute. */
  stop(): void
}

/** Starts to count, and to measure how slow the machine is meanwhile. */
export function startStopwatch(work: () => Promise<unknown> = knownWork): Stopwatch {
  const startedAt = performance.now()
  const elapsedMs = () => performance.now() - startedAt
  let isStopped = false
  const stop = () => {
    isStopped = true
  }
  let times = 0
  let tookMs = 0
  let workStartedAt: number | undefined

  async function measure(): Promise<void> {
    while (!isStopped && elapsedMs() < 60_000) {
      workStartedAt = performance.now()
      await work()
      tookMs += performance.now() - workStartedAt
      times++
      workStartedAt = undefined
      await sleep(PAUSE_MS, undefined, { ref: false })
    }
  }
  void measure()

  /** How many times as long as on a quick machine the known work took, on average. At least one. */
  function slowness(): number {
    const unfinishedMs = workStartedAt === undefined ? 0 : performance.now() - workStartedAt
    const began = times + (unfinishedMs > KNOWN_WORK_MS ? 1 : 0)
    return began === 0 ? 1 : Math.max(1, (tookMs + unfinishedMs) / (began * KNOWN_WORK_MS))
  }

  return {
    elapsedMs,
    assertWithin(limitMs, what) {
      const [passedMs, factor] = [elapsedMs(), slowness()]
      stop()
      assert.ok(
        passedMs <= limitMs * factor,
        `${what} took ${passedMs.toFixed(0)} ms, more than ${limitMs} ms, on a machine ${factor.toFixed(1)} times slower than a quick one`,
      )
    },
    stop,
  }
}

/** What `work` returns. It must not take longer than `limitMs`. */
export async function within<T>(limitMs: number, what: string, work: () => Promise<T>): Promise<T> {
  const stopwatch = startStopwatch()
  try {
    const result = await work()
    stopwatch.assertWithin(limitMs, what)
    return result
  } finally {
    stopwatch.stop()
  }
}

/** Waits for a state like `until`. It must not take longer than `limitMs`. */
export const untilWithin = <T>(limitMs: number, what: string, isSo: () => Promise<T> | T): Promise<NonNullable<T>> =>
  within(limitMs, `waiting until ${what}`, () => until(what, isSo))
