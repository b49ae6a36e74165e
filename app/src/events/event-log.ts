import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../logger.ts'
import { appendAndPublish } from '../redis/append-and-publish.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { ifWrongType } from '../redis/errors.ts'
import { createForeignKeyLog } from '../redis/foreign-key-log.ts'
import { type Event, eventSchema, type LoggedEvent } from './event.ts'
import { createEventHistory, HISTORY_LIMITS, type HistoryLimits } from './event-history.ts'
import { isAfter } from './event-id.ts'
import { createForgotten } from './forgotten.ts'

export interface EventListener {
  onEvent(entry: LoggedEvent): void
  /** The node was cut off for so long that events are gone that it never saw. */
  onGap(): void
}

export interface EventLog {
  /** Tells all nodes. Best effort, and never in the way of what it tells of: does not throw, but says if it was told. */
  append(event: Event): Promise<boolean>
  /** Tells only those who listen on this node: the one thing that can be done without Redis. */
  announce(event: Event): void
  /** What is remembered of all nodes, oldest first. */
  recent(): readonly LoggedEvent[]
  /** Whether all is remembered that this user may see, or without a user everybody, and that came after this id. */
  isComplete(username: string | undefined, afterId: string): boolean
  /** Gives a function that ends the listening. */
  listen(listener: EventListener): () => void
}

/**
 * How many entries the stream has at most. More than all nodes together keep: they delete what they do not keep with their
 * next event, and until then it is still there.
 */
const MOST_STORED = 3_000
const RETRY_MS = 500

interface Place {
  key: string
  channel: string
  limits?: HistoryLimits
}

/**
 * The events of all nodes: a capped stream in Redis, of which each node has a copy in memory that pub/sub keeps up to
 * date. So a page that comes back after a moment is told what it missed without a question to Redis. If another program
 * uses the key of the stream, events are published and not kept.
 *
 * Redis's own limit of a stream (MAXLEN) deletes the oldest entries, so one user with many events would delete those of all
 * others. Each node therefore decides by its copy what makes room (event-history.ts), and deletes that from the stream. All
 * of them come to the same decision; where a node was cut off for a while and does not, an old event more is deleted.
 */
export async function openEventLog(
  redis: RedisConnection,
  { key, channel, limits = HISTORY_LIMITS }: Place,
  log: Logger,
): Promise<EventLog> {
  const foreignKey = createForeignKeyLog(key, log)
  const history = createEventHistory(limits)
  const forgotten = createForgotten(redis, { key, most: MOST_STORED }, log)
  /** What is published while the stream is being read; undefined when it is not. */
  let heldBack: LoggedEvent[] | undefined
  let readings = 0
  const listeners = new Set<EventListener>()

  function add(entry: LoggedEvent): void {
    if (entry.id !== undefined) forgotten.add(history.add(entry))
    for (const listener of listeners) listener.onEvent(entry)
  }

  /** After each (new) beginning of the subscription: what was published before it, nobody here has heard. */
  async function catchUp(): Promise<void> {
    const reading = ++readings
    while (reading === readings) {
      try {
        const reply = redis.run((client) => client.xRevRange(key, '+', '-', { COUNT: MOST_STORED }))
        const stored = await ifWrongType<Awaited<typeof reply>>(reply, () => {
          foreignKey.found()
          return null
        })
        if (reading === readings)
          takeOver((stored ?? []).reverse().flatMap(({ id, message }) => toEntry(id, message.event)))
        return
      } catch (error) {
        log.warn({ reason: String(error) }, 'Events were not read')
        // If the connection is replaced, another reading begins.
        await sleep(RETRY_MS, undefined, { ref: false })
      }
    }
  }

  function takeOver(stored: LoggedEvent[]): void {
    const newest = history.entries().at(-1)?.id
    const isUnknown = ({ id }: LoggedEvent) => isAfter(id, newest)
    if (newest !== undefined && !stored.some(({ id }) => id === newest)) {
      history.replace(stored.filter((entry) => !isUnknown(entry)))
      for (const listener of listeners) listener.onGap()
    }
    for (const entry of stored.filter(isUnknown)) add(entry)
    const last = history.entries().at(-1)?.id
    const published = heldBack ?? []
    heldBack = undefined
    for (const entry of published) {
      if (entry.id === undefined || isAfter(entry.id, last)) add(entry)
    }
  }

  let isMalformedLogged = false
  function toEntry(id: string | undefined, json: string | undefined): LoggedEvent[] {
    try {
      return [{ id, event: eventSchema.parse(JSON.parse(json ?? '')) }]
    } catch {
      // Logged once: another program under the same name can write any number of them.
      if (!isMalformedLogged) {
        log.warn({ id, key, channel }, 'Ignored malformed events. If another program wrote them, set KEY_PREFIX')
      }
      isMalformedLogged = true
      return []
    }
  }

  await redis.subscribe(channel, {
    onSubscribing() {
      heldBack ??= []
    },
    onMessage(message) {
      const space = message.indexOf(' ')
      for (const entry of toEntry(message.slice(0, space) || undefined, message.slice(space + 1))) {
        if (!heldBack) add(entry)
        // Whatever is more than that is read from the stream anyway.
        else if (heldBack.push(entry) > MOST_STORED) heldBack.shift()
      }
    },
    onSubscribed: () => void catchUp(),
  })

  return {
    async append(event) {
      try {
        const entry = { channel, text: JSON.stringify(event), most: MOST_STORED }
        const outcome = await redis.run((client) => appendAndPublish(client, key, entry))
        if (outcome === 'isForeign') foreignKey.found()
        else foreignKey.gone()
        if (outcome === 'kept') void forgotten.deleteAll()
        return true
      } catch (error) {
        log.warn({ type: event.type, reason: String(error) }, 'Event was not told')
        return false
      }
    },
    announce(event) {
      add({ id: undefined, event })
    },
    recent: history.entries,
    isComplete: history.isComplete,
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
