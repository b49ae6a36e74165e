import { z } from 'zod'

/** Who a session belongs to, as everybody may see it. */
export const userSchema = z.object({ username: z.string(), displayName: z.string() })
export type User = z.infer<typeof userSchema>

/** What is kept under the key of a session. Times are Redis's, as ISO 8601, so that `GET` shows something readable. */
const storedSchema = z.object({
  /** Absent as long as the first token is the key, of which it is made: thirty bytes less in each session. */
  id: z.string().optional(),
  user: userSchema,
  createdOn: z.string(),
  createdAt: z.iso.datetime(),
  /** How long after that it ends in any case. */
  absoluteSeconds: z.int().positive(),
  /** When its token was last replaced; absent until then. */
  rotatedAt: z.iso.datetime().optional(),
  /** The name and the salt of the token that this one replaces. Absent once this one has been used: see rotation.ts. */
  unconfirmed: z.object({ name: z.string(), salt: z.string() }).optional(),
  /** Where the login came from, for the user's own list of sessions. */
  address: z.string(),
  agent: z.string(),
})
type Stored = z.infer<typeof storedSchema>

export interface SessionRecord extends Stored {
  id: string
  absoluteExpiresAt: string
}

/**
 * What is left under the old key after a rotation: a pointer. The session itself is only under the new key, so a logout
 * there ends it for the old token too. `retiredAt`: when the new token was used for the first time; absent until then.
 */
const replacedSchema = z.object({ replacedBy: z.string(), salt: z.string(), retiredAt: z.iso.datetime().optional() })
export type ReplacedToken = z.infer<typeof replacedSchema>

const valueSchema = z.union([storedSchema, replacedSchema])

/** Undefined for whatever else may lie under a key. `firstId` is the id of a session that still has its first token. */
export function parseValue(json: string, firstId: () => string): SessionRecord | ReplacedToken | undefined {
  try {
    const value = valueSchema.parse(JSON.parse(json))
    return 'replacedBy' in value ? value : toRecord(value, value.id ?? firstId())
  } catch {
    return undefined
  }
}

export function toRecord(stored: Stored, id: string): SessionRecord {
  return { ...stored, id, absoluteExpiresAt: iso(Date.parse(stored.createdAt) + stored.absoluteSeconds * 1000) }
}

export function formatValue(value: SessionRecord | ReplacedToken): string {
  if (isReplaced(value)) return JSON.stringify(value)
  const { id, absoluteExpiresAt: _, ...stored } = value
  return JSON.stringify(stored.rotatedAt === undefined ? stored : { id, ...stored })
}

export const isReplaced = (value: SessionRecord | ReplacedToken): value is ReplacedToken => 'replacedBy' in value

export const iso = (ms: number) => new Date(ms).toISOString()
