import type { BrokenRule } from './model-redis.ts'

/** The clients of one session, and what may go wrong. */
export interface Scenario {
  /** The number of consecutive requests of each tab of the user's browser. All tabs share one cookie. */
  tabs: number[]
  /** The number of requests of a thief who copied the first token and follows every new one. */
  thief?: number
  /** The thief's requests may take longer than the grace period. */
  isThiefSlow?: boolean
  /** The number of requests of a thief who copied the first token and keeps using it. */
  replays?: number
  /** The number of logouts that the browser sends with its current cookie. */
  logouts?: number
  /** The number of responses that may be lost. */
  losses?: number
  /** The number of nodes that may crash during a request. */
  crashes?: number
  /** How often the time passes after which a token is due for rotation and a grace period ends. */
  times?: number
  /** The idle timeout. Without it, no session expires. */
  ttlSeconds?: number
  /** Whether nodes remember their renewals. */
  remembers?: boolean
  broken?: BrokenRule | 'a reused token has no consequence'
}

export const GRACE_SECONDS = 10
export const GRACE_MS = GRACE_SECONDS * 1000

/** The idle timeout. */
export const ttlSecondsOf = ({ ttlSeconds = 100_000 }: Scenario) => ttlSeconds
