import { randomInt } from 'node:crypto'

/**
 * A client that was evicted comes back later, and later still if many were evicted in the last minute: otherwise clients
 * without a place would take it from each other all the time. Shorter than the page's patience (app/page/feed.ts, 35 s).
 */
const EVICTED_RETRY_MS = { base: 5_000, perEviction: 100, most: 30_000 }
const EVICTIONS_FADE_MS = 60_000

/** Returns a function that returns how long the next evicted client should wait, in milliseconds. Half of it is chance. */
export function createBackoff(): () => number {
  let recent = 0
  let countedAt = performance.now()
  return () => {
    const countingAt = performance.now()
    recent = recent * Math.exp((countedAt - countingAt) / EVICTIONS_FADE_MS) + 1
    countedAt = countingAt
    const { base, perEviction, most } = EVICTED_RETRY_MS
    const longest = Math.min(most, Math.round(base + recent * perEviction))
    return randomInt(Math.floor(longest / 2), longest)
  }
}
