import { randomInt } from 'node:crypto'
import type { Response } from 'express'
import { iso } from '../sessions/session-record.ts'
import { type Event, isAfter, isSessionEvent, type LoggedEvent, timeOf } from './event.ts'
import type { EventLog } from './event-log.ts'
import { describeEnding } from './session-endings.ts'

/** The user whose events a page receives, besides those of the nodes. */
export interface Viewer {
  username: string
  sessionId: string
  /** When the session expires if it is not used, in milliseconds since 1970. Until then the stream does not check it. */
  expiresAt: number
}

interface Parts {
  events: EventLog
  /** The time of Redis, in milliseconds since 1970. */
  now: () => number
  /** What `hello` and `ping` contain of the node. */
  state: () => object
  viewer: Viewer | undefined
  lastEventId: string | undefined
}

/** How many earlier events a page receives that has no event id. */
const HISTORY = 20
/** When a node stops, all its pages reconnect to the others. A random delay spreads them. */
const RETRY_MS = { least: 100, most: 600 }
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Sends what the client missed and what happens from now on, until the session ends. Returns a function that stops it. */
export function startEventStream(res: Response, { events, now, state, viewer, lastEventId }: Parts): () => void {
  const isVisible = ({ event }: LoggedEvent) => !isSessionEvent(event) || event.user === viewer?.username
  const isOwn = (event: Event) => isSessionEvent(event) && event.sessionId === viewer?.sessionId
  function toMessage({ id, event }: LoggedEvent, isReplayed: boolean): string {
    const { fingerprint: _, ...visible } = { fingerprint: undefined, ...event }
    const { onPage: how, sentence } = describeEnding(event) ?? {}
    const ending = { how, sentence: isOwn(event) ? sentence : undefined }
    return format({ id, data: { ...visible, ...ending, at: iso(id === undefined ? now() : timeOf(id)), isReplayed } })
  }

  const known = events.recent().filter(isVisible)
  const missed = lastEventId === undefined ? known.slice(-HISTORY) : known.filter(({ id }) => isAfter(id, lastEventId))
  const isIncomplete = lastEventId !== undefined && !events.isComplete(viewer?.username, lastEventId)

  // X-Accel-Buffering stops an nginx without a rule for this path from buffering the response.
  res.set({ 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' })
  res.flushHeaders()
  const retry = randomInt(RETRY_MS.least, RETRY_MS.most)
  const { username: user = null, sessionId = null } = viewer ?? {}
  const hello = format({ retry, event: 'hello', data: { ...state(), user, sessionId, isIncomplete } })
  // In one piece: what is sent within one turn of the event loop counts as unread until that turn ends, even for a fast client.
  send(res, hello + missed.map((entry) => toMessage(entry, true)).join(''))
  // The session has ended since the route found it, and no later event says so. The client reconnects, and the node checks again.
  if (missed.some(({ event }) => isOwn(event) && describeEnding(event))) res.end()

  const stopListening = events.listen({
    onEvent(entry) {
      if (!isVisible(entry) || (entry.id !== undefined && !isAfter(entry.id, lastEventId))) return
      send(res, toMessage(entry, false))
      if (isOwn(entry.event) && describeEnding(entry.event)) res.end()
    },
    onGap() {
      send(res, format({ event: 'gap', data: {} }))
      // The missing events may have ended this session. The client reconnects, and the node checks the session again.
      if (viewer) res.end()
    },
  })
  // The client reconnects, and the node checks whether the session still lives: an open page must not extend it.
  const overdue = viewer && setTimeout(() => res.end(), Math.min(viewer.expiresAt - now(), LONGEST_TIMER_MS))
  return () => {
    clearTimeout(overdue)
    stopListening()
  }
}

/** The connection of a client with more unread bytes is closed. The client can reconnect and continue where it was. */
const LONGEST_BACKLOG_BYTES = 65_536

/** One message of a stream: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export function format({ data, ...fields }: { data: object } & Record<string, unknown>): string {
  const lines = Object.entries({ ...fields, data: JSON.stringify(data) })
  return `${lines.flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\n`])).join('')}\n`
}

/** Writes to a stream that has not ended. Closes the connection of a client that does not read. */
export function send(res: Response, text: string): void {
  if (res.writableEnded) return
  if (res.writableLength > LONGEST_BACKLOG_BYTES) res.destroy()
  else res.write(text)
}
