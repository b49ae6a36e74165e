import type { Logger } from '../logger.ts'
import type { RedisConnection } from '../redis/connection.ts'
import type { Event } from './event.ts'
import { createEventCopy } from './event-copy.ts'
import type { HistoryLimits } from './event-history.ts'
import { createStoredEvents } from './stored-events.ts'

interface Place {
  key: string
  channel: string
  limits?: HistoryLimits
}

export type EventLog = Awaited<ReturnType<typeof openEventLog>>

/**
 * The events of all nodes: a capped stream in Redis (stored-events.ts), of which each node has a copy in memory (event-copy.ts)
 * that pub/sub keeps up to date. So a page that reconnects receives the events that it missed without a query to Redis.
 *
 * Redis's own limit of a stream (MAXLEN) deletes the oldest entries, so one user with many events would delete those of all
 * others. Each node therefore decides by its copy which events to evict (event-history.ts), and deletes them from the stream.
 * All nodes decide alike. A node that was disconnected for a while may differ, and then one more old event is deleted.
 */
export async function openEventLog(redis: RedisConnection, place: Place, log: Logger) {
  const stored = createStoredEvents(redis, place, log)
  const copy = createEventCopy(place.limits, stored.evict)

  await redis.subscribe(place.channel, {
    onSubscribing: copy.holdBack,
    onMessage(message) {
      const space = message.indexOf(' ')
      stored.parse(message.slice(0, space) || undefined, message.slice(space + 1)).forEach(copy.addPublished)
    },
    // This node did not receive what was published before.
    onSubscribed: () => void stored.readAll(copy.addStored),
  })

  return {
    /** Publishes an event to all nodes. Does not throw: returns false if it failed. */
    append: stored.append,
    /** Publishes an event to the listeners on this node only. That works without Redis. */
    announce: (event: Event): void => copy.add({ id: undefined, event }),
    /** The events of all nodes that this node remembers, oldest first. */
    recent: copy.history.entries,
    isComplete: copy.history.isComplete,
    listen: copy.listen,
  }
}
