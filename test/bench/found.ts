import type { LoginCost } from './login.ts'
import type { Measurement, Saturated } from './measure.ts'
import type { Rest } from './rest.ts'
import type { Part, SessionTier, Tier } from './tier.ts'

export interface Spread {
  median: number
  least: number
  most: number
}

export type OfEach<T> = Record<Tier['name'], T>
export type OfAlike<T> = Record<SessionTier['name'], T>

/** All that a run has measured. */
export interface Found {
  /** The rounds at a fixed rate. Each round has all tiers. */
  rounds: Measurement[][]
  /** The highest throughput, in the same rounds. */
  saturated: OfEach<Saturated>[]
  /** The measurements at the fixed rate with other numbers of nodes. */
  growth: Measurement[][]
  /** This project's logins. */
  logins: LoginCost[]
  rest: Rest
  /** Bare Express without sessions, saturated, at the beginning and at the end. */
  yardstick: { before: readonly Saturated[]; after: readonly Saturated[] }
  memory: {
    sessionsPerUser: number
    ours: { size: number; bytes: number }[]
    rivals: { size: number; bytes: number }[]
    /** With one session for each user. */
    oneEach: { size: number; ours: number; rivals: number }
    operations: { size: number; operation: string; ms: number }[]
  }
  revocation: {
    trials: number
    logouts: number
    revocations: number
    nodes: number
    honouredAfter: number
    untilRefusedMs: { p50: number; p99: number; max: number }
  }
}

export interface Described {
  isQuick: boolean
  machine: string
  load: string
  /** The name of the load generator. */
  generator: string
  finishedAt: string
}

/** The medians of a run. */
export interface Summary extends Found, Described {
  cpuMicros: OfEach<Record<Part | 'all', Spread>>
  saturatedCpuMicros: OfEach<Record<Part | 'all', Spread>>
  /** Saturated, each compared with the bare rival in the same round. */
  ofBare: OfEach<Record<'cpu' | 'throughput' | 'p99', Spread>>
  /** The cost above the floor, in microseconds of processor time per request. */
  sessionCost: OfAlike<Spread>
  /** The same as a share of the rival's. */
  costOfRivals: OfAlike<Spread>
  throughput: OfEach<Spread>
  saturatedP99Ms: OfEach<Spread>
  latencyMs: OfEach<Record<'p50' | 'p95' | 'p99', Spread>>
  roundTrips: OfEach<Spread>
  appendedBytes: OfEach<Spread>
  growthCost: { nodes: number; cost: OfAlike<Spread> }[]
  loginMs: Record<'beside' | 'hash', Spread>
  restPercent: number
  /** The processor time of the load generator, as a share of the machine: at the fixed rate, and at most. */
  generatorShare: Record<'atRate' | 'saturated', Spread>
  noise: Noise
}

export interface Noise {
  beforeMicros: number
  afterMicros: number
  /** By how many percent the slower one is slower. */
  apartPercent: number
  isQuiet: boolean
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (place: number) => sorted[place] ?? Number.NaN
  const middle = (sorted.length - 1) / 2
  return { median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, least: at(0), most: at(sorted.length - 1) }
}
