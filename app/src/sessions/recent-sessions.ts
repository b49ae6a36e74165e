import { createBoundedMap } from '../bounded-map.ts'
import type { Renewed } from '../redis/atomic.ts'
import { absoluteEndOf, type Found, type Session, type ToSession, tokenSince } from './session-record.ts'
import type { SessionTimes } from './session-store.ts'
import type { Living } from './trail.ts'

/** More than one node can renew between two renewals of a session: each is a round trip, and usually a write. */
const MOST_REMEMBERED = 10_000

export type RecentSessions = ReturnType<typeof createRecentSessions>

/** A session and the text of its key in Redis. */
type Stored = Pick<Living, 'name' | 'json' | 'record'>

export interface Recent extends Found {
  session: Session
  /** By the monotonic clock: a change of the node's clock has no effect. */
  until: number
}

/**
 * The sessions that this node renewed within the last seconds. So not every read renews the session (a write, and a line in
 * the append-only file) or parses its JSON. Only Redis knows whether a session lives: a session is found here only with the
 * JSON that Redis has for it now.
 */
export function createRecentSessions(toSession: ToSession, { ttlMs, renewMs }: SessionTimes) {
  const recent = createBoundedMap<Recent>(MOST_REMEMBERED)

  function keep({ name, json, record }: Stored, endsMs: number, forMs: number): Session {
    const session = toSession(name, record, endsMs)
    // The first use of a token has to be confirmed in Redis.
    if (!record.unconfirmed) recent.set(name, { json, value: record, session, until: performance.now() + forMs })
    return session
  }

  return {
    /** Undefined if the session was not renewed recently, or has changed since. */
    find(name: string, json: string): Recent | undefined {
      const found = recent.get(name)
      return found && found.json === json && performance.now() < found.until ? found : undefined
    },
    /** Keeps a session until its next renewal is due or it expires. */
    remember(stored: Stored, { nowMs, endsMs }: Renewed): Session {
      const renewedAgoMs = endsMs === absoluteEndOf(stored.record) ? 0 : nowMs + ttlMs - endsMs
      return keep(stored, endsMs, Math.min(renewMs - renewedAgoMs, endsMs - nowMs))
    },
    /** Keeps a session that lives and could not be renewed. Only the age of its token shows when it ends. */
    rememberUnrenewed(stored: Stored): Session {
      const { record } = stored
      return keep(stored, Math.min(tokenSince(record) + ttlMs, absoluteEndOf(record)), renewMs)
    },
  }
}
