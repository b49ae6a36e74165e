import type { Recorder } from './recorder.ts'
import type { RunningStack } from './running-stack.ts'
import type { Stack } from './stack.ts'

/** What users may see of a fault, and how soon the stack must recover. */
export interface FaultLimits {
  /** make chaos FAULT=name */
  name: string
  title: string
  /** The error statuses that users may see during the fault. 0 is no response. */
  tolerated: { get: readonly number[]; post: readonly number[] }
  /** The limit for every response, also for errors. */
  slowestMs: number
  /** The limit from the end of the fault until every node serves without errors. */
  recoverMs: number
  /** The approximate duration, for the load of k6. 0 if the fault would stop k6 too. */
  seconds: number
}

/** A fault of a stack that runs in this way: with Compose by default. */
export interface Fault<S extends RunningStack = Stack> extends FaultLimits {
  /** Brings the stack into the state that the fault needs before the load starts, and restores it afterwards. */
  prepare?(stack: S): Promise<void>
  restore?(stack: S): Promise<void>
  /** Breaks and repairs the stack, and reports further findings. */
  happen(stack: S, watch: Watch): Promise<void>
}

/** The interface through which a running fault reports. */
export interface Watch {
  recorder: Recorder
  /** Milliseconds since the start of the recording. */
  now(): number
  /** Marks the end of the fault, where the recovery time starts. By default it starts with the fault. */
  mended(): void
  /** Reports a failure unless `isSo`. */
  expect(isSo: boolean, otherwise: string): void
  /** The same for a time limit. A machine that is too slow cannot judge the stack by it. */
  expectWithin(tookMs: number, boundMs: number, what: string): void
}

/** An exceeded time limit. */
export interface Late {
  /** The description, with the time. */
  what: string
  boundMs: number
}

/** The outcome of a fault: one row of the report. */
export interface Outcome {
  name: string
  title: string
  /** The number of responses of each status. 0 is no response. */
  answers: Record<string, number>
  slowestMs: number
  boundSlowestMs: number
  /** Sessions that were acknowledged, not logged out, and then rejected. */
  lost: number
  /** Sessions lost since their login, sessions lost after a rotation, and ended sessions that were accepted. */
  losses: { logins: number; byRotation: number; returned: number }
  /** From the first wrong response to the last one. */
  downMs: number
  /** Undefined if the stack did not recover. */
  recoverMs: number | undefined
  boundRecoverMs: number
  /** Why the fault was not survived. Empty if it was. */
  missed: string[]
  /** Time limits exceeded on a machine that is too slow to judge them. */
  tooSlow: string[]
  /** Changes of sessions by the stack itself: evictions, rotations, revocations. They are no loss. */
  byStack: Record<string, number>
}

export type Verdict = 'survived' | 'FAILED' | 'too slow to judge'

/** A loss or a wrong response is a failure, however slow the machine is. */
export const verdictOf = ({ missed, tooSlow }: Pick<Outcome, 'missed' | 'tooSlow'>): Verdict =>
  missed.length > 0 ? 'FAILED' : tooSlow.length > 0 ? 'too slow to judge' : 'survived'
