import { iso, type SessionRecord } from './session-record.ts'
import type { Session } from './session-store.ts'

interface Place {
  key: string
  /** The last part of the key. */
  name: string
  /** When the key expires, in milliseconds since 1970. */
  expiresAt: number
  ttlMs: number
}

/** What is told of a session: its record, and what only its key knows. */
export function toSession(
  { absoluteSeconds: _, unconfirmed: __, ...record }: SessionRecord,
  { key, name, expiresAt, ttlMs }: Place,
): Session {
  // A use sets the TTL anew, so what is left of it tells when that was, and no write is needed to remember it.
  const lastSeenAt = iso(Math.max(expiresAt - ttlMs, tokenSince(record)))
  return { ...record, expiresAt: iso(expiresAt), lastSeenAt, isRotationDue: false, keyHint: hintOf(key, name) }
}

/** When the token was made, in milliseconds since 1970. */
export const tokenSince = ({ rotatedAt, createdAt }: Pick<SessionRecord, 'rotatedAt' | 'createdAt'>) =>
  Date.parse(rotatedAt ?? createdAt)

const hintOf = (key: string, name: string) => key.slice(0, key.length - name.length + 6)
