import {
  logIn,
  type Measurement,
  meanOf,
  measure,
  type Saturated,
  type Subject,
  saturate,
  type Target,
} from './measure.ts'
import type { Settings } from './settings.ts'
import type { Bench } from './stack.ts'
import { type Tier, YARDSTICK } from './tier.ts'

/** The measurements of all tiers, in turn. */
export function createRounds(bench: Bench, { rate, seconds, saturatedSeconds, turns, yardsticks }: Settings) {
  async function prepareOne(tier: Tier): Promise<Subject> {
    await bench.redis(tier, 'FLUSHALL')
    const url = await bench.urlOf(tier)
    return { tier, url, cookies: await logIn(tier, url), containers: await bench.containersOf(tier) }
  }

  /** The same processes at the beginning and at the end: compiled code differs between processes. */
  let yardstick: Target | undefined

  return {
    /** These tiers with this many newly started nodes, with sessions and warmed up. */
    async prepare(nodes: number, tiers: readonly Tier[]): Promise<Subject[]> {
      await bench.setNodes(nodes, tiers)
      const subjects: Subject[] = []
      for (const tier of tiers) subjects.push(await prepareOne(tier))
      // Before the warm-up, the compiler would be measured.
      for (const subject of subjects) await saturate(bench, subject, 2 * saturatedSeconds)
      return subjects
    },

    /** Measures the tiers in turn, several times, so other load on the machine affects all equally. */
    async measureAll(subjects: readonly Subject[], round: number): Promise<Measurement[]> {
      const taken = new Map<Subject, Measurement[]>(subjects.map((subject) => [subject, []]))
      for (let turn = 0; turn < turns; turn++) {
        for (const subject of startingWith(round + turn, subjects)) {
          taken.get(subject)?.push(await measure(bench, subject, { rate, seconds }))
        }
      }
      return [...taken.values()].map(meanOf)
    },

    async saturateAll(subjects: readonly Subject[], round: number): Promise<Record<Tier['name'], Saturated>> {
      const found = new Map<Tier['name'], Saturated>()
      for (const subject of startingWith(round, subjects)) {
        found.set(subject.tier.name, await saturate(bench, subject, saturatedSeconds))
      }
      const of = (name: Tier['name']) => {
        const one = found.get(name)
        if (!one) throw new Error(`${name} was not measured`)
        return one
      }
      return { floor: of('floor'), ours: of('ours'), cached: of('cached'), rival: of('rival'), bare: of('bare') }
    },

    /** Measures bare Express without sessions several times. */
    async measureYardstick(): Promise<Saturated[]> {
      yardstick ??= await startYardstick(bench)
      await saturate(bench, yardstick, 3 * saturatedSeconds)
      const found: Saturated[] = []
      for (let n = 0; n < yardsticks; n++) found.push(await saturate(bench, yardstick, saturatedSeconds))
      return found
    },
  }
}

async function startYardstick(bench: Bench): Promise<Target> {
  await bench.up(YARDSTICK.nginx)
  const url = await bench.urlOf(YARDSTICK)
  return { tier: YARDSTICK, url, cookies: [], containers: await bench.containersOf(YARDSTICK) }
}

/** Each turn starts with another tier. */
const startingWith = <T>(turn: number, all: readonly T[]) => {
  const first = turn % all.length
  return [...all.slice(first), ...all.slice(0, first)]
}
