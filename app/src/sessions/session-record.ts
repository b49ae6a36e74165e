import { z } from 'zod'
import { parseJson } from '../parse-json.ts'

/** The user of a session: what every client may see of it. */
export const userSchema = z.object({ username: z.string(), displayName: z.string() })
export type User = z.infer<typeof userSchema>

/** What the application keeps in a session: any JSON object. session-data.ts changes it. */
const dataSchema = z.record(z.string(), z.json())
export type SessionData = z.infer<typeof dataSchema>
/** Returns the changed data. It is called again if another request has changed the session meanwhile. */
export type DataChange = (data: SessionData) => SessionData

/** The value of a session's key. Times are the Redis server's, as ISO 8601, so `GET` shows them in a readable form. */
const storedSchema = z.object({
  /** Absent until the first rotation: until then the id is the fingerprint of the token. That saves 30 bytes a session. */
  id: z.string().optional(),
  user: userSchema,
  createdOn: z.string(),
  createdAt: z.iso.datetime(),
  /** The absolute timeout, from `createdAt`. Limited, because no date is later than the year 275760. */
  absoluteSeconds: z.int().positive().max(100_000_000_000),
  /** When its token was last replaced. Absent until then. */
  rotatedAt: z.iso.datetime().optional(),
  /** The name and the salt of the token that this one replaces. Absent after its first use: see rotation.ts. */
  unconfirmed: z.object({ name: z.string(), salt: z.string() }).optional(),
  /** The client of the login, for the user's own list of sessions. */
  address: z.string(),
  agent: z.string(),
  /** Absent until the first change. */
  data: dataSchema.optional(),
})
type Stored = z.infer<typeof storedSchema>

export interface SessionRecord extends Stored {
  id: string
  absoluteExpiresAt: string
}

/**
 * The value of the old key after a rotation: a pointer. The session itself is only under the new key, so a logout there ends
 * it for the old token too. `retiredAt`: when the new token was used for the first time. Absent until then.
 */
const replacedSchema = z.object({ replacedBy: z.string(), salt: z.string(), retiredAt: z.iso.datetime().optional() })
export type ReplacedToken = z.infer<typeof replacedSchema>

export type Value = SessionRecord | ReplacedToken

/** What a key holds. Its text serves to compare it later. `session`: set if this node renewed it recently. */
export interface Found {
  json: string
  value: Value
  session?: Session
}

export interface Session extends Omit<SessionRecord, 'absoluteSeconds' | 'unconfirmed'> {
  /** When it expires if it is not used again. May be a few seconds early, never late: see `renewSeconds`. */
  expiresAt: string
  /** When it was last used, to `renewSeconds`; near its absolute end, where the TTL stands still, to `rotateSeconds`. */
  lastSeenAt: string
  /** The token of the request is due to be replaced, or has been: a caller that can set a cookie should `rotateSession`. */
  isRotationDue: boolean
  /** The first characters of its key in Redis: enough to find it there by hand, and too few to use the session. */
  keyHint: string
}

/** With members that this version does not know: a newer one may have written them, and must find them after a rotation here. */
const valueSchema: z.ZodType<Stored | ReplacedToken> = z.union([storedSchema.loose(), replacedSchema.loose()])

/** Undefined for any other value. `firstId` is the id of a session that still has its first token. */
export function parseValue(json: string, firstId: () => string): Value | undefined {
  const value = parseJson(valueSchema, json)
  return value && ('replacedBy' in value ? value : toRecord(value, value.id ?? firstId()))
}

export function toRecord(stored: Stored, id: string): SessionRecord {
  return { ...stored, id, absoluteExpiresAt: iso(Date.parse(stored.createdAt) + stored.absoluteSeconds * 1000) }
}

/** A replaced token begins with `replacedBy`, which app/redis/functions.lua reads. */
export function formatValue(value: Value): string {
  if (isReplaced(value)) return JSON.stringify(value)
  const { id, absoluteExpiresAt: _, ...stored } = value
  return JSON.stringify(stored.rotatedAt === undefined ? stored : { id, ...stored })
}

export type ToSession = ReturnType<typeof createToSession>

/** Returns a function that adds to a record what only its key knows. `endsMs`: when the key expires. */
export function createToSession(keyOf: (name: string) => string, ttlMs: number) {
  return (name: string, record: SessionRecord, endsMs: number): Session => {
    const { absoluteSeconds: _, unconfirmed: __, ...visible } = record
    // Each use sets the TTL to the idle timeout. So the rest of the TTL shows the last use, and no write is needed for it.
    const lastSeenAt = iso(Math.max(endsMs - ttlMs, tokenSince(record)))
    return { ...visible, expiresAt: iso(endsMs), lastSeenAt, isRotationDue: false, keyHint: keyOf(name.slice(0, 6)) }
  }
}

/** When the token was created, in milliseconds since 1970. */
export const tokenSince = ({ rotatedAt, createdAt }: SessionRecord) => Date.parse(rotatedAt ?? createdAt)

/** The absolute end of the session, in milliseconds since 1970. */
export const absoluteEndOf = ({ absoluteExpiresAt }: SessionRecord) => Date.parse(absoluteExpiresAt)

export const isReplaced = (value: Value): value is ReplacedToken => 'replacedBy' in value

export const iso = (ms: number) => new Date(ms).toISOString()
