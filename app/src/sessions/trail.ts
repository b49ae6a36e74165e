import { redisNow } from '../redis/clock.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { type Found, isReplaced, type ReplacedToken, type SessionRecord } from './session-record.ts'
import { MOST_REPLACED, type SessionTimes } from './session-store.ts'

/** The replaced tokens that Redis keeps, and some that are replaced while the trail is read. */
const LONGEST_TRAIL = MOST_REPLACED + 4
/**
 * How often a trail is read if the session changes meanwhile. A rotation is one change and the first use of a token two. A
 * grace has time for two of each.
 */
const MOST_LOOKS = 8

interface Passed {
  name: string
  json: string
  pointer: ReplacedToken
}

/** What was found where a session lives. */
export type Living<F extends Found = Found> = F & {
  name: string
  record: SessionRecord
  /** The pointers that lead there: none for its newest token. */
  passed: Passed[]
  /** The trail has a token that was retired longer than the grace ago, so no request can still be under way with it. */
  isReuse: boolean
}

/** `changedAt`: the session changed after it was read, so the trail has to be read again from this name. */
export type Outcome<T> = { result: T | undefined } | { changedAt: string }

type Read<F extends Found> = (name: string) => Promise<F | undefined>

/** The way from a replaced token to its session. This is the only place that follows it. */
export function createTrail(redis: RedisConnection, { graceMs }: SessionTimes) {
  async function follow<F extends Found>(name: string, read: Read<F>, first?: F): Promise<Living<F> | undefined> {
    const passed: Passed[] = []
    let at = name
    let found = first ?? (await read(at))
    while (found && passed.length < LONGEST_TRAIL) {
      const { json, value } = found
      if (!isReplaced(value)) return { ...found, name: at, record: value, passed, isReuse: await isPastGrace(passed) }
      passed.push({ name: at, json, pointer: value })
      at = value.replacedBy
      found = await read(at)
    }
    return undefined
  }

  async function isPastGrace(passed: readonly Passed[]): Promise<boolean> {
    const retired = passed.flatMap(({ name, pointer: { retiredAt } }) => (retiredAt ? [{ name, retiredAt }] : []))
    if (retired.length === 0) return false
    // In a cluster, each server has a clock of its own.
    const asked = redis.isOrdered ? retired.slice(0, 1) : retired
    const times = await Promise.all(asked.map(({ name }) => redisNow(redis, redis.keys.session(name))))
    const [first = 0] = times
    return retired.some(({ retiredAt }, place) => (times[place] ?? first) - Date.parse(retiredAt) >= graceMs)
  }

  return {
    /**
     * Follows replaced tokens from this name to the session and calls `step` with it, again if the session changed meanwhile.
     * Returns the result of the step. Undefined if the trail leads to nothing. `first`: what the caller has read at `name`.
     */
    async walk<T, F extends Found>(
      name: string,
      read: Read<F>,
      step: (living: Living<F>) => Promise<Outcome<T>>,
      first?: F,
    ): Promise<T | undefined> {
      let living = await follow(name, read, first)
      for (let look = 1; living; look++) {
        const outcome = await step(living)
        if ('result' in outcome) return outcome.result
        living = look < MOST_LOOKS ? await follow(outcome.changedAt, read) : undefined
      }
      return undefined
    },
  }
}
