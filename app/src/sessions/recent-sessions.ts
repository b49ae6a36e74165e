import type { Session } from './session-store.ts'

/** More than one node can renew in the pause between two renewals: each is a round trip, and mostly a write. */
const MOST_REMEMBERED = 10_000

export type RecentSessions = ReturnType<typeof createRecentSessions>

/**
 * The sessions that this node has renewed within the last moments, ready to be given out, so that a renewal (a write, and a
 * line in the append-only file) is not made on every read, nor the same JSON taken apart again. Only what Redis says
 * tells whether a session lives: nothing is found here without its JSON, as Redis has it now.
 *
 * Time is measured by the monotonic clock: setting the node's clock changes nothing.
 */
export function createRecentSessions() {
  const recent = new Map<string, { json: string; session: Session; until: number }>()
  return {
    /** Undefined if it has not been renewed recently, or has changed since. */
    find(name: string, json: string): Session | undefined {
      const found = recent.get(name)
      return found && found.json === json && performance.now() < found.until ? found.session : undefined
    },
    remember(name: string, json: string, session: Session, forMs: number): void {
      recent.delete(name)
      recent.set(name, { json, session, until: performance.now() + forMs })
      const oldest = recent.keys().next()
      if (recent.size > MOST_REMEMBERED && !oldest.done) recent.delete(oldest.value)
    },
    forget(name: string): void {
      recent.delete(name)
    },
  }
}
