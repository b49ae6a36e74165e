import type { Measurement } from './measure.ts'
import { FLOOR, OURS, PARTS, type Part, RIVAL, TIERS, type Tier } from './tier.ts'

export interface Spread {
  median: number
  least: number
  most: number
}

export interface Found {
  /** At a fixed rate with three nodes, round after round, all tiers in each. */
  rounds: Measurement[][]
  /** Requests a second as fast as it goes, the same way. */
  saturated: Record<Tier['name'], number>[]
  /** At the fixed rate with other numbers of nodes. */
  growth: Measurement[][]
  memory: {
    sessionsPerUser: number
    ours: { size: number; bytes: number }[]
    rivals: { size: number; bytes: number }[]
    oneEach: { size: number; bytes: number }
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

export interface Bar {
  what: string
  found: number
  limit: 'at most' | 'at least'
  bound: number
  unit: string
  isKept: boolean
}

export interface BenchReport extends Found {
  machine: string
  load: string
  finishedAt: string
  cpuMicros: Record<Tier['name'], Record<Part | 'all', Spread>>
  /** What is above the floor, in microseconds of processor time a request. */
  sessionCost: Record<Tier['name'], Spread>
  /** The same as a share of the rival's. */
  costOfRivals: Record<Tier['name'], Spread>
  throughput: Record<Tier['name'], Spread>
  latencyMs: Record<Tier['name'], Record<'p50' | 'p95' | 'p99', Spread>>
  roundTrips: Record<Tier['name'], Spread>
  appendedBytes: Record<Tier['name'], Spread>
  growthCost: { nodes: number; cost: Record<Tier['name'], Spread> }[]
  bars: Bar[]
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (place: number) => sorted[place] ?? Number.NaN
  const middle = (sorted.length - 1) / 2
  return { median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, least: at(0), most: at(sorted.length - 1) }
}

const forEachTier = <T>(tell: (name: Tier['name']) => T) =>
  Object.fromEntries(TIERS.map(({ name }) => [name, tell(name)])) as Record<Tier['name'], T>

const total = ({ cpuMicros }: Measurement) => PARTS.reduce((sum, part) => sum + cpuMicros[part], 0)
const sum = (numbers: Record<string, number>) => Object.values(numbers).reduce((one, other) => one + other, 0)

function of(round: readonly Measurement[], name: Tier['name']): Measurement {
  const found = round.find(({ tier }) => tier === name)
  if (!found) throw new Error(`${name} was not measured`)
  return found
}

/** Within one round: what the machine did otherwise changes from one to the next. */
const aboveFloor = (round: readonly Measurement[], name: Tier['name'], tell: (one: Measurement) => number) =>
  tell(of(round, name)) - tell(of(round, FLOOR.name))

/** Sums up what was found, and holds it against the bars. */
export function sumUp(found: Found, described: Pick<BenchReport, 'machine' | 'load' | 'finishedAt'>): BenchReport {
  const { rounds, saturated, growth, memory, revocation } = found
  const over = (tell: (round: readonly Measurement[]) => number) => spreadOf(rounds.map(tell))
  const costIn = (in_: readonly Measurement[][]) =>
    forEachTier((name) => spreadOf(in_.map((round) => aboveFloor(round, name, total))))
  const sessionCost = costIn(rounds)
  const sizes = [...new Set(growth.map((round) => of(round, FLOOR.name).nodes))]
  const summed = {
    ...described,
    ...found,
    cpuMicros: forEachTier((name) => ({
      app: over((round) => of(round, name).cpuMicros.app),
      redis: over((round) => of(round, name).cpuMicros.redis),
      nginx: over((round) => of(round, name).cpuMicros.nginx),
      all: over((round) => total(of(round, name))),
    })),
    sessionCost,
    costOfRivals: forEachTier((name) => ({
      ...over((round) => aboveFloor(round, name, total) / aboveFloor(round, RIVAL.name, total)),
      // Nothing is a share of a rival that seems to cost nothing: then it was not measured long enough.
      median:
        sessionCost[RIVAL.name].median > 0 ? sessionCost[name].median / sessionCost[RIVAL.name].median : Number.NaN,
    })),
    throughput: forEachTier((name) => spreadOf(saturated.map((round) => round[name]))),
    latencyMs: forEachTier((name) => ({
      p50: over((round) => of(round, name).latencyMs.p50),
      p95: over((round) => of(round, name).latencyMs.p95),
      p99: over((round) => of(round, name).latencyMs.p99),
    })),
    roundTrips: forEachTier((name) => over((round) => sum(of(round, name).commands))),
    appendedBytes: forEachTier((name) => over((round) => aboveFloor(round, name, (one) => one.appendedBytes))),
    growthCost: sizes.map((nodes) => ({
      nodes,
      cost: costIn(growth.filter((round) => of(round, FLOOR.name).nodes === nodes)),
    })),
  }
  return { ...summed, bars: barsOf(summed, memory, revocation) }
}

function barsOf(
  { costOfRivals, roundTrips, appendedBytes, throughput }: Omit<BenchReport, 'bars'>,
  memory: Found['memory'],
  { untilRefusedMs }: Found['revocation'],
): Bar[] {
  const atMost = (what: string, value: number, bound: number, unit = ''): Bar => ({
    ...{ what, found: value, limit: 'at most', bound, unit },
    isKept: value <= bound,
  })
  const share = throughput[OURS.name].median / throughput[FLOOR.name].median
  const largest = memory.ours.at(-1)?.size
  const bytesOf = (all: Found['memory']['ours']) => all.find(({ size }) => size === largest)?.bytes ?? Number.NaN
  const growthOf = (operation: string) => {
    const times = memory.operations.filter((one) => one.operation === operation).map(({ ms }) => ms)
    return (times.at(-1) ?? Number.NaN) / (times[0] ?? Number.NaN)
  }
  return [
    atMost('session cost, of the rival’s', 100 * costOfRivals.ours.median, 30, '%'),
    atMost('the same with SESSION_CACHE=on', 100 * costOfRivals.cached.median, 10, '%'),
    // One is the read itself. What more there is are the renewals, one for each node and session every five seconds.
    atMost('Redis round trips a request', roundTrips.ours.median, 1.05),
    atMost('the same with SESSION_CACHE=on', roundTrips.cached.median, 0.05),
    atMost(
      'bytes appended a request, of the rival’s',
      (100 * appendedBytes.ours.median) / appendedBytes.rival.median,
      2,
      '%',
    ),
    {
      ...{ what: 'throughput, of the floor’s', found: 100 * share, limit: 'at least', bound: 75, unit: '%' },
      isKept: share >= 0.75,
    },
    atMost(
      `memory a session with ${largest}, of the rival’s`,
      (100 * bytesOf(memory.ours)) / bytesOf(memory.rivals),
      100,
      '%',
    ),
    // Flat, give or take what a cold cache of the processor and one more level of a tree cost.
    ...['login', 'list', 'revoke'].map((operation) =>
      atMost(
        `${operation}: time with ${largest} sessions, of that with ${memory.ours[0]?.size}`,
        growthOf(operation),
        2,
      ),
    ),
    atMost('until every node refuses what has ended, p99, with SESSION_CACHE=on', untilRefusedMs.p99, 50, 'ms'),
  ]
}
