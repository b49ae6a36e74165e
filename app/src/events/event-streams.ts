import { randomInt } from 'node:crypto'
import type { Response } from 'express'
import { iso } from '../sessions/session-record.ts'
import { ENDS, isSessionEvent, type LoggedEvent } from './event.ts'
import { isAfter, timeOf } from './event-id.ts'
import type { EventLog } from './event-log.ts'
import { createBackoff } from './evicted-backoff.ts'
import { format, send } from './server-sent-events.ts'
import { createStreamPlaces, type StreamLimits } from './stream-places.ts'

/** Whose events a page is shown besides those of the nodes. */
export interface Viewer {
  username: string
  sessionId: string
  /** Until when the session lives if nobody uses it, in milliseconds since 1970: till then it need not be looked at again. */
  expiresAt: number
}

interface Opening {
  viewer: Viewer | undefined
  /** Of the client: users/network-of.ts. Undefined where many clients share one address. */
  network: string | undefined
  lastEventId: string | undefined
}

export interface EventStreams {
  /**
   * Answers with what happens, as it happens, until the session ends, the client goes, the node drains or another stream
   * takes its place (stream-places.ts). Returns false, and answers nothing, if there is no place for it.
   */
  open(res: Response, opening: Opening): boolean
  /** Whether the node still opens streams. */
  isOpen(): boolean
  count(): number
  /** Ends all streams and opens no more: their clients come back by themselves, to another node. */
  end(): void
}

interface Parts {
  node: string
  events: EventLog
  /** Redis's time, in milliseconds since 1970. */
  now: () => number
  limits?: Partial<StreamLimits>
}

/** Shorter than nginx's proxy_read_timeout for this address: silence for so long means that nobody is there any more. */
const PING_MS = 15_000
/** What a page sees of the time before it came for the first time. */
const HISTORY = 20
/** When a node goes, all its pages come back to the others: not all in the same instant, please. */
const RETRY_MS = { least: 100, most: 600 }
/** How long a stream that was ended may take to be read to its end. After that its connection is closed. */
const LINGER_MS = 2_000
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export function createEventStreams({ node, events, now, limits }: Parts): EventStreams {
  /** Each with the id of the event that its client had last when it came, if it had one. */
  const streams = new Map<Response, string | undefined>()
  const places = createStreamPlaces(limits)
  const evictedRetryMs = createBackoff()
  let isEnded = false
  /** This node has no Redis just now, so it does not hear what happens on the others. */
  let isBehind = false

  events.listen({
    onEvent({ event }) {
      if (event.node === node && event.type === 'redis_lost') isBehind = true
      if (event.node === node && event.type === 'redis_back') isBehind = false
    },
    onGap() {},
  })
  const state = () => ({ node, now: now(), isBehind })
  const pinging = setInterval(() => {
    // With the newest id, also where that event is not for this page's eyes: it has missed nothing up to there.
    const newest = events.recent().at(-1)?.id
    for (const [res, lastEventId] of streams) {
      const id = isAfter(newest, lastEventId) ? newest : undefined
      send(res, format({ id, event: 'ping', data: state() }))
    }
  }, PING_MS)
  pinging.unref()

  function open(res: Response, { viewer, network, lastEventId }: Opening): boolean {
    // Gone while it was looked up who it is: there would be no end to such a stream.
    if (res.closed) return true
    const leave = isEnded
      ? undefined
      : places.take({ username: viewer?.username, network, onEvicted: () => evict(res) })
    if (!leave) return false
    const isTheirs = ({ event }: LoggedEvent) => !isSessionEvent(event) || event.user === viewer?.username
    function tell({ id, event }: LoggedEvent, isReplayed: boolean): string {
      const { fingerprint: _, ...visible } = { fingerprint: undefined, ...event }
      return format({ id, data: { ...visible, at: iso(id === undefined ? now() : timeOf(id)), isReplayed } })
    }

    const known = events.recent().filter(isTheirs)
    const missed =
      lastEventId === undefined ? known.slice(-HISTORY) : known.filter(({ id }) => isAfter(id, lastEventId))
    const isIncomplete = lastEventId !== undefined && !events.isComplete(viewer?.username, lastEventId)

    // X-Accel-Buffering tells an nginx that does not know this address not to collect what is to be sent at once.
    res.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' })
    res.flushHeaders()
    streams.set(res, lastEventId)
    const retry = randomInt(RETRY_MS.least, RETRY_MS.most)
    const { username: user = null, sessionId = null } = viewer ?? {}
    const hello = format({ retry, event: 'hello', data: { ...state(), user, sessionId, isIncomplete } })
    // In one piece: what is sent within a turn counts as unread until the turn is over, however fast the client reads.
    send(res, hello + missed.map((entry) => tell(entry, true)).join(''))

    const stopListening = events.listen({
      onEvent(entry) {
        if (!isTheirs(entry) || (entry.id !== undefined && !isAfter(entry.id, lastEventId))) return
        send(res, tell(entry, false))
        const { event } = entry
        if (isSessionEvent(event) && event.sessionId === viewer?.sessionId && ENDS.has(event.type)) res.end()
      },
      onGap() {
        send(res, format({ event: 'gap', data: {} }))
        // What ended this session may have been in it. Who comes back is looked at again.
        if (viewer) res.end()
      },
    })
    // When it comes back, it is looked at again whether the session still lives: an open page must not keep it alive.
    const overdue = viewer && setTimeout(() => res.end(), Math.min(viewer.expiresAt - now(), LONGEST_TIMER_MS))
    res.once('close', () => {
      clearTimeout(overdue)
      stopListening()
      leave()
      streams.delete(res)
    })
    return true
  }

  function evict(res: Response): void {
    // Its client does not read, so the end would not arrive either.
    if (res.writableLength > 0) return void res.destroy()
    send(res, format({ retry: evictedRetryMs(), event: 'evicted', data: {} }))
    res.end()
    const lingering = setTimeout(() => res.destroy(), LINGER_MS)
    res.once('close', () => clearTimeout(lingering))
  }

  return {
    open,
    isOpen: () => !isEnded,
    count: () => streams.size,
    end() {
      isEnded = true
      clearInterval(pinging)
      for (const res of streams.keys()) res.end()
    },
  }
}
