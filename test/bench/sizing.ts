import type { Cost, Operation } from './kind-costs.ts'

/** More load than this share of a core makes requests wait. */
const MOST_OF_A_CORE = 0.6
/** A user of a page sends a request every half minute, and logs in and out once a day. */
const SECONDS_BETWEEN_REQUESTS = 30
const DAY_SECONDS = 86_400

export interface Sizing {
  primaries: number
  /** How many of each the cluster bears per second, alone. */
  readsPerSecond: number
  loginsPerSecond: number
  /** How many users of that kind it bears. */
  users: number
}

/** What a cluster of so many primaries bears, computed from what an operation cost its busiest server. */
export function sizingOf(primaries: number, costs: readonly Cost[]): Sizing {
  const secondsOf = (wanted: Operation) =>
    (costs.find(({ operation }) => operation === wanted)?.busiestMicros ?? Number.NaN) / 1e6
  const perUser =
    secondsOf('read') / SECONDS_BETWEEN_REQUESTS + (secondsOf('login') + secondsOf('logout')) / DAY_SECONDS
  return {
    primaries,
    readsPerSecond: Math.round(MOST_OF_A_CORE / secondsOf('read')),
    loginsPerSecond: Math.round(MOST_OF_A_CORE / secondsOf('login')),
    users: Math.round(MOST_OF_A_CORE / perUser),
  }
}
