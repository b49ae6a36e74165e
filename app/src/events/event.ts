import { z } from 'zod'
import { ENDING_TYPES } from './session-endings.ts'

/** What happens to a session. Only its user may see it. */
const sessionEventSchema = z.object({
  type: z.enum(['login', 'rotated', ...ENDING_TYPES]),
  user: z.string(),
  sessionId: z.string(),
  /** The node that did it. */
  node: z.string(),
  /** Of the token that a rotation issued. Not sent to clients: it serves to explain later why that token is rejected. */
  fingerprint: z.string().optional(),
  /** Who revoked the session, if it was not its user. */
  by: z.literal('administrator').optional(),
})
export type SessionEvent = z.infer<typeof sessionEventSchema>

/** What happens to a node. Every client may see it. */
const nodeEventSchema = z.object({
  // `node_suspect`: its heartbeat is late. `node_heard`: it has arrived. Both are hints, which the event log does not keep.
  type: z.enum(['node_up', 'node_draining', 'node_gone', 'node_suspect', 'node_heard', 'redis_lost', 'redis_back']),
  node: z.string(),
})

export const eventSchema = z.union([sessionEventSchema, nodeEventSchema])
export type Event = z.infer<typeof eventSchema>

export interface LoggedEvent {
  /** Its place in the log. Undefined for events of this node alone, and those that could not be kept. */
  id: string | undefined
  event: Event
}

export const isSessionEvent = (event: Event): event is SessionEvent => 'user' in event

/**
 * The id of an entry in a Redis stream: milliseconds since 1970 by Redis's clock, a dash, and a number within the millisecond.
 * https://redis.io/docs/latest/develop/data-types/streams/#entry-ids
 */
const ID_SHAPE = /^(\d{1,15})-(\d{1,15})$/

/** The id that a client sent, or undefined if it is malformed. */
export const asEventId = (text: string | undefined) => (text !== undefined && ID_SHAPE.test(text) ? text : undefined)

/** Whether one id comes after another. Each id comes after undefined, and undefined comes after no id. */
export function isAfter(id: string | undefined, other: string | undefined): boolean {
  if (id === undefined) return false
  if (other === undefined) return true
  const [ms, count] = partsOf(id)
  const [otherMs, otherCount] = partsOf(other)
  return ms > otherMs || (ms === otherMs && count > otherCount)
}

/** When the event was written, in milliseconds since 1970 by Redis's clock. */
export const timeOf = (id: string) => partsOf(id)[0]

function partsOf(id: string): [number, number] {
  const [, ms, count] = ID_SHAPE.exec(id) ?? []
  return [Number(ms), Number(count)]
}
