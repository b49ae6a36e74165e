import { setTimeout as sleep } from 'node:timers/promises'

/**
 * The longest pause between two attempts. With the attempt under way, a Redis that is available again is found within two seconds.
 * A failover takes two or three attempts, for the promoted server and then for its replica, and all users wait meanwhile.
 */
export const longestBackoffMs = ({ replicas = 0 }: { replicas?: number }) => (replicas > 0 ? 300 : 1_000)

interface Retry {
  attempt: () => Promise<void>
  onFailure: (error: unknown) => void
  firstPauseMs: number
  longestPauseMs: number
  /** Aborted when the attempts must end. */
  ended: AbortSignal
  /** A signal that ends the pause which begins now. */
  hurried: () => AbortSignal
}

/** Pauses, then attempts until one succeeds or `ended` aborts, with a longer pause after each failure. */
export async function retry({
  attempt,
  onFailure,
  firstPauseMs,
  longestPauseMs,
  ended,
  hurried,
}: Retry): Promise<void> {
  const pause = (longestMs: number) => pauseFor(longestMs, AbortSignal.any([ended, hurried()]))
  await pause(firstPauseMs)
  for (let failures = 0; !ended.aborted; failures++) {
    try {
      return await attempt()
    } catch (error) {
      onFailure(error)
    }
    await pause(Math.min(longestPauseMs, 50 * 2 ** failures))
  }
}

/** Half of the pause is random, so the nodes do not all reconnect at the same moment. */
async function pauseFor(longestMs: number, signal: AbortSignal): Promise<void> {
  if (longestMs === 0) return
  await sleep(longestMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {})
}
