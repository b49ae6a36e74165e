import { type Bar, barsOf } from './bars.ts'
import { type Described, type Found, type OfAlike, type OfEach, type Summary, spreadOf } from './found.ts'
import type { Measurement, Saturated } from './measure.ts'
import { measureNoise } from './noise.ts'
import { FLOOR, PARTS, RIVAL, type SessionTier, type Tier } from './tier.ts'

export interface BenchReport extends Summary {
  bars: Bar[]
}

/** 3 means that the machine was too noisy: nothing is known about the thresholds then. */
export function exitCodeOf({ noise, bars }: BenchReport): 0 | 1 | 3 {
  if (!noise.isQuiet) return 3
  return bars.every(({ isKept }) => isKept) ? 0 : 1
}

const forAlike = <T>(tell: (name: SessionTier['name']) => T): OfAlike<T> => ({
  ...{ floor: tell('floor'), ours: tell('ours'), cached: tell('cached'), rival: tell('rival') },
})
const forEachTier = <T>(tell: (name: Tier['name']) => T): OfEach<T> => ({ ...forAlike(tell), bare: tell('bare') })

const total = ({ cpuMicros }: Pick<Measurement, 'cpuMicros'>) => PARTS.reduce((sum, part) => sum + cpuMicros[part], 0)
const sum = (numbers: Record<string, number>) => Object.values(numbers).reduce((one, other) => one + other, 0)

function of(round: readonly Measurement[], name: Tier['name']): Measurement {
  const found = round.find(({ tier }) => tier === name)
  if (!found) throw new Error(`${name} was not measured`)
  return found
}

/** Compared within one round, because the load of the machine changes between rounds. */
const aboveFloor = (round: readonly Measurement[], name: Tier['name'], tell: (one: Measurement) => number) =>
  tell(of(round, name)) - tell(of(round, FLOOR.name))

const costIn = (rounds: readonly Measurement[][]) =>
  forAlike((name) => spreadOf(rounds.map((round) => aboveFloor(round, name, total))))

/** Summarizes the measurements and compares them with the thresholds. */
export function sumUp(found: Found, described: Described): BenchReport {
  const summary: Summary = { ...described, ...found, ...sumUpRounds(found), ...sumUpRest(found) }
  return { ...summary, bars: barsOf(summary) }
}

function sumUpRounds({ rounds, saturated }: Found) {
  const over = (tell: (round: readonly Measurement[]) => number) => spreadOf(rounds.map(tell))
  const full = (tell: (round: OfEach<Saturated>) => number) => spreadOf(saturated.map(tell))
  const sessionCost = costIn(rounds)
  return {
    cpuMicros: forEachTier((name) => ({
      app: over((round) => of(round, name).cpuMicros.app),
      redis: over((round) => of(round, name).cpuMicros.redis),
      nginx: over((round) => of(round, name).cpuMicros.nginx),
      all: over((round) => total(of(round, name))),
    })),
    saturatedCpuMicros: forEachTier((name) => ({
      app: full((round) => round[name].cpuMicros.app),
      redis: full((round) => round[name].cpuMicros.redis),
      nginx: full((round) => round[name].cpuMicros.nginx),
      all: full((round) => total(round[name])),
    })),
    ofBare: forEachTier((name) => ({
      cpu: full((round) => total(round[name]) / total(round.bare)),
      throughput: full((round) => round[name].perSecond / round.bare.perSecond),
      p99: full((round) => round[name].p99Ms / round.bare.p99Ms),
    })),
    sessionCost,
    costOfRivals: forAlike((name) => ({
      ...over((round) => aboveFloor(round, name, total) / aboveFloor(round, RIVAL.name, total)),
      // A rival without a measurable cost allows no comparison. The measurement was too short.
      median:
        sessionCost[RIVAL.name].median > 0 ? sessionCost[name].median / sessionCost[RIVAL.name].median : Number.NaN,
    })),
    throughput: forEachTier((name) => full((round) => round[name].perSecond)),
    saturatedP99Ms: forEachTier((name) => full((round) => round[name].p99Ms)),
    latencyMs: forEachTier((name) => ({
      p50: over((round) => of(round, name).latencyMs.p50),
      p95: over((round) => of(round, name).latencyMs.p95),
      p99: over((round) => of(round, name).latencyMs.p99),
    })),
    roundTrips: forEachTier((name) => over((round) => sum(of(round, name).commands))),
    appendedBytes: forEachTier((name) => over((round) => aboveFloor(round, name, (one) => one.appendedBytes))),
    generatorShare: {
      atRate: spreadOf(rounds.flat().map((one) => one.generatorShare)),
      saturated: spreadOf(saturated.flatMap((round) => Object.values(round).map((one) => one.generatorShare))),
    },
  }
}

function sumUpRest({ growth, logins, rest, yardstick }: Found) {
  const sizes = [...new Set(growth.map((round) => of(round, FLOOR.name).nodes))]
  return {
    growthCost: sizes.map((nodes) => {
      const rounds = growth.filter((round) => of(round, FLOOR.name).nodes === nodes)
      return { nodes, cost: costIn(rounds) }
    }),
    loginMs: {
      beside: spreadOf(logins.map(({ besideMs }) => sum(besideMs))),
      hash: spreadOf(logins.map(({ hashMs }) => hashMs)),
    },
    restPercent: sum(rest.percent),
    noise: measureNoise(yardstick),
  }
}
