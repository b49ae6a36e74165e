/** What make bench measures, and for how long. */
export interface Settings {
  isQuick: boolean
  rounds: number
  /** The duration of one measurement at a fixed rate. */
  seconds: number
  /** The duration of one measurement with as many requests as possible. A warm-up takes two or three times as long. */
  saturatedSeconds: number
  /** Requests a second, where all stacks get the same load. */
  rate: number
  /** The number of measurements of each stack in a round. */
  turns: number
  /** The number of nodes of each stack in the rounds. */
  nodes: number
  /** Whether nodes restart before each round. */
  restartsEachRound: boolean
  /** Measurements of the yardstick, at the beginning and at the end. */
  yardsticks: number
  /** The numbers of nodes with which the growth of the cost is measured. */
  growth: readonly number[]
  /** Logouts and revocations with SESSION_CACHE=on. */
  trials: number
  /** The numbers of sessions with which memory and operations are measured. */
  sizes: readonly number[]
  /** Measurements of thirty logins, after as many logins to warm up as `warmUps` says. */
  logins: number
  warmUps: number
  /** The duration of the measurement without requests. */
  restSeconds: number
}

type Standard = Omit<Settings, 'saturatedSeconds'>

const FULL: Standard = {
  ...{ isQuick: false, rounds: 6, seconds: 3, rate: 400, turns: 3, nodes: 3, restartsEachRound: true },
  ...{ growth: [1, 2, 3, 5], trials: 10_000, sizes: [1_000, 10_000, 100_000, 1_000_000] },
  ...{ logins: 7, warmUps: 5, restSeconds: 60, yardsticks: 7 },
}

/** Less of everything, for about three minutes on two cores. */
const QUICK: Standard = {
  ...FULL,
  ...{ isQuick: true, rounds: 3, seconds: 1.5, turns: 1, nodes: 2, restartsEachRound: false },
  ...{ growth: [], trials: 300, sizes: [1_000, 10_000], logins: 3, warmUps: 1, restSeconds: 30, yardsticks: 5 },
}

/** Reads QUICK and the variables BENCH_*. Throws an error that names a variable with an invalid value. */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const standard = env.QUICK ? QUICK : FULL
  const one = (name: string, value: number) => (env[name] ? wholeNumber(name, env[name]) : value)
  const list = (name: string, value: readonly number[]) =>
    env[name]?.split(' ').flatMap((word) => (word === '' ? [] : [wholeNumber(name, word)])) ?? value
  const sizes = list('BENCH_SIZES', standard.sizes)
  const seconds = one('BENCH_SECONDS', standard.seconds)
  return {
    ...standard,
    rounds: one('BENCH_ROUNDS', standard.rounds),
    seconds,
    saturatedSeconds: one('BENCH_SATURATED_MS', 1000 * seconds) / 1000,
    rate: one('BENCH_RATE', standard.rate),
    turns: one('BENCH_TURNS', standard.turns),
    // Empty for none.
    growth: list('BENCH_NODES', standard.growth),
    trials: one('BENCH_TRIALS', standard.trials),
    sizes: sizes.length === 0 ? standard.sizes : sizes,
    logins: one('BENCH_LOGINS', standard.logins),
    restSeconds: one('BENCH_REST_SECONDS', standard.restSeconds),
  }
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new Error(`${name} must be a whole number above 0, not ${text}`)
}
