import { randomInt } from 'node:crypto'
import type { Response } from 'express'
import { isAfter } from './event.ts'
import type { EventLog } from './event-log.ts'
import { format, send, startEventStream, type Viewer } from './event-stream.ts'
import { createStreamPlaces, type StreamLimits } from './stream-places.ts'

interface Opening {
  viewer: Viewer | undefined
  /** Of the client: users/network-of.ts. Undefined where many clients share one address. */
  network: string | undefined
  lastEventId: string | undefined
}

interface Parts {
  node: string
  events: EventLog
  /** The time of Redis, in milliseconds since 1970. */
  now: () => number
  limits?: Partial<StreamLimits>
}

export type EventStreams = ReturnType<typeof createEventStreams>

/** Shorter than nginx's proxy_read_timeout for this path, after which nginx closes a silent connection. */
const PING_MS = 15_000
/** How long the client of an ended stream may take to read it to its end. After that its connection is closed. */
const LINGER_MS = 2_000

/** Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export function createEventStreams({ node, events, now, limits }: Parts) {
  /** Each with the last event id that its client had when it connected, if it had one. */
  const streams = new Map<Response, string | undefined>()
  const places = createStreamPlaces(limits)
  const evictedRetryMs = createBackoff()
  let isEnded = false
  /** This node is disconnected from Redis, so it does not receive the events of the others. */
  let isBehind = false

  events.listen({
    onEvent({ event }) {
      if (event.node === node && event.type === 'redis_lost') isBehind = true
      if (event.node === node && event.type === 'redis_back') isBehind = false
    },
  })
  const state = () => ({ node, now: now(), isBehind })
  const pinging = setInterval(() => {
    // With the newest id, even of an event that this client may not see: it has missed nothing up to there.
    const newest = events.recent().at(-1)?.id
    for (const [res, lastEventId] of streams) {
      const id = isAfter(newest, lastEventId) ? newest : undefined
      send(res, format({ id, event: 'ping', data: state() }))
    }
  }, PING_MS)
  pinging.unref()

  return {
    /**
     * Answers with events as they happen, until the session ends, the client closes the connection, the node drains or another
     * stream takes its place (stream-places.ts). Returns false, and does not answer, if there is no place for it.
     */
    open(res: Response, { viewer, network, lastEventId }: Opening): boolean {
      // The client closed the connection while its session was read. Such a stream would never end.
      if (res.closed) return true
      const onEvicted = () => evict(res, evictedRetryMs)
      const leave = isEnded ? undefined : places.take({ username: viewer?.username, network, onEvicted })
      if (!leave) return false
      const stop = startEventStream(res, { events, now, state, viewer, lastEventId })
      streams.set(res, lastEventId)
      res.once('close', () => {
        stop()
        leave()
        streams.delete(res)
      })
      return true
    },
    /** Whether the node still opens streams. */
    isOpen: () => !isEnded,
    count: () => streams.size,
    /** Ends all streams and opens no more. Their clients reconnect, to another node. */
    end(): void {
      isEnded = true
      clearInterval(pinging)
      for (const res of streams.keys()) res.end()
    },
  }
}

function evict(res: Response, retryMs: () => number): void {
  // The client does not read, so it would not receive the end either.
  if (res.writableLength > 0) return void res.destroy()
  send(res, format({ retry: retryMs(), event: 'evicted', data: {} }))
  res.end()
  const lingering = setTimeout(() => res.destroy(), LINGER_MS)
  res.once('close', () => clearTimeout(lingering))
}

/**
 * A client whose stream was evicted reconnects later, and later still if many were evicted in the last minute. Otherwise
 * clients without a place would evict each other all the time. Shorter than the timeout of the page (app/page/feed.ts, 35 s).
 */
const EVICTED_RETRY_MS = { base: 5_000, perEviction: 100, most: 30_000 }
const EVICTIONS_FADE_MS = 60_000

/** Returns a function that returns how long the next evicted client should wait, in milliseconds. Half of it is random. */
function createBackoff(): () => number {
  let recent = 0
  let countedAt = performance.now()
  return () => {
    const now = performance.now()
    recent = recent * Math.exp((countedAt - now) / EVICTIONS_FADE_MS) + 1
    countedAt = now
    const { base, perEviction, most } = EVICTED_RETRY_MS
    const longest = Math.min(most, Math.round(base + recent * perEviction))
    return randomInt(Math.floor(longest / 2), longest)
  }
}
