import { z } from 'zod'

/** What happens to a session. The user of it may see it, and nobody else. */
const sessionEventSchema = z.object({
  type: z.enum(['login', 'rotated', 'logout', 'replaced', 'revoked', 'made_room', 'token_reused']),
  user: z.string(),
  sessionId: z.string(),
  /** Which node did it. */
  node: z.string(),
  /** Of the token that a rotation gave. Not for anybody's eyes: it only helps to say why that token is refused later. */
  fingerprint: z.string().optional(),
  /** Who revoked the session, if it was not its user. */
  by: z.literal('administrator').optional(),
})
export type SessionEvent = z.infer<typeof sessionEventSchema>

/** What happens to a node. Everybody may see it. */
const nodeEventSchema = z.object({
  // `node_suspect`: its heartbeat is late. `node_heard`: it is there again. Both are hints, which the log does not keep.
  type: z.enum(['node_up', 'node_draining', 'node_gone', 'node_suspect', 'node_heard', 'redis_lost', 'redis_back']),
  node: z.string(),
})
export type NodeEvent = z.infer<typeof nodeEventSchema>

export const eventSchema = z.union([sessionEventSchema, nodeEventSchema])
export type Event = z.infer<typeof eventSchema>

export interface LoggedEvent {
  /** Where it stands in the log: see event-id.ts. Undefined for what is only said on this node, or could not be kept. */
  id: string | undefined
  event: Event
}

export const isSessionEvent = (event: Event): event is SessionEvent => 'user' in event

/**
 * These end a session. `replaced`: by another login in the same browser. `token_reused`: a token that had been
 * replaced came back, so somebody may have a copy.
 */
export const ENDS: ReadonlySet<Event['type']> = new Set(['logout', 'replaced', 'revoked', 'made_room', 'token_reused'])
