import { z } from 'zod'

/** Who a session belongs to, as everybody may see it. */
export const userSchema = z.object({ username: z.string(), displayName: z.string() })
export type User = z.infer<typeof userSchema>

/** What is kept under the key of a session. Times are Redis's, as ISO 8601, so that `GET` shows something readable. */
const recordSchema = z.object({
  id: z.string(),
  user: userSchema,
  createdOn: z.string(),
  createdAt: z.iso.datetime(),
  absoluteExpiresAt: z.iso.datetime(),
  /** When its token was last replaced; absent until then. */
  rotatedAt: z.iso.datetime().optional(),
  /** Where the login came from, for the user's own list of sessions. */
  address: z.string(),
  agent: z.string(),
})
export type SessionRecord = z.infer<typeof recordSchema>

/**
 * What is left under the old key after a rotation, until the grace ends: a pointer. The session itself is only under the
 * new key, so a logout there ends it for the old token too.
 */
const replacedSchema = z.object({ replacedBy: z.string(), salt: z.string() })
export type ReplacedToken = z.infer<typeof replacedSchema>

const valueSchema = z.union([recordSchema, replacedSchema])

/** Undefined for whatever else may lie under a key. */
export function parseValue(json: string): SessionRecord | ReplacedToken | undefined {
  try {
    return valueSchema.safeParse(JSON.parse(json)).data
  } catch {
    return undefined
  }
}

export const isReplaced = (value: SessionRecord | ReplacedToken): value is ReplacedToken => 'replacedBy' in value

export const iso = (ms: number) => new Date(ms).toISOString()
