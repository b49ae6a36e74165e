import type { Recorder } from './recorder.ts'
import type { Stack } from './stack.ts'

/** Something that goes wrong, what its users may see of it, and how soon it must be over. */
export interface Fault {
  /** make chaos FAULT=name */
  name: string
  title: string
  /** What may be answered besides the right thing, while it lasts. 0 is no answer at all. */
  tolerated: { get: readonly number[]; post: readonly number[] }
  /** No answer may take longer than this, whatever it says. */
  slowestMs: number
  /** From when it is mended until every node serves and nothing goes wrong any more. */
  recoverMs: number
  /** About how long it takes: k6 puts its load on for that long. 0 for what would take k6 down too. */
  seconds: number
  /** Brings the stack into the state that the fault needs, before anybody uses it, and back. */
  prepare?(stack: Stack): Promise<void>
  restore?(stack: Stack): Promise<void>
  /** Breaks it, mends it, and tells what else is not as it should be. */
  happen(stack: Stack, watch: Watch): Promise<void>
}

/** How a fault tells of itself while it happens. */
export interface Watch {
  recorder: Recorder
  /** Milliseconds since the recording began. */
  now(): number
  /** From now on the stack has to find back by itself. Without it, that is from the beginning. */
  mended(): void
  /** Something is not as it should be unless `isSo`. */
  expect(isSo: boolean, otherwise: string): void
  /** The same for a bound on a time. A machine that is too slow for it by itself cannot judge the stack by it. */
  expectWithin(tookMs: number, boundMs: number, what: string): void
}

/** Something took longer than it may. */
export interface Late {
  /** In words, with the time. */
  what: string
  boundMs: number
}

/** What a fault came to. The rows of the report. */
export interface Outcome {
  name: string
  title: string
  /** How often users saw which status; 0 is no answer. */
  answers: Record<string, number>
  slowestMs: number
  boundSlowestMs: number
  /** Sessions that were acknowledged, not logged out, and refused. */
  lost: number
  /** Undefined where it never did. */
  recoverMs: number | undefined
  boundRecoverMs: number
  /** Why it was not survived; empty if it was. */
  missed: string[]
  /** Bounds on times that were missed on a machine that is too slow by itself to judge by them. */
  tooSlow: string[]
  /** What the stack did to sessions by itself: evictions, rotations, revocations. No loss. */
  byStack: Record<string, number>
}

export type Verdict = 'survived' | 'FAILED' | 'too slow to judge'

/** A loss or a wrong answer is a failure, however slow the machine is. */
export const verdictOf = ({ missed, tooSlow }: Pick<Outcome, 'missed' | 'tooSlow'>): Verdict =>
  missed.length > 0 ? 'FAILED' : tooSlow.length > 0 ? 'too slow to judge' : 'survived'
