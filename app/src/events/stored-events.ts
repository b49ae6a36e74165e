import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../logger.ts'
import { parseJson } from '../parse-json.ts'
import { appendAndPublish } from '../redis/append-and-publish.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { createForeignKeyLog, ifWrongType } from '../redis/errors.ts'
import { asEventId, type Event, eventSchema, type LoggedEvent } from './event.ts'

/**
 * How many entries the stream has at most. More than all nodes together keep: with its next event each node deletes those that
 * it evicted, and until then they stay in the stream.
 */
export const MOST_STORED = 3_000
const RETRY_MS = 500

/** The stream of events in Redis. If another program uses its key, events are published and not kept. */
export function createStoredEvents(redis: RedisConnection, place: { key: string; channel: string }, log: Logger) {
  const { key, channel } = place
  const foreignKey = createForeignKeyLog(key, log)
  const parse = createEntryParser(place, log)
  const evicted = createEvicted(redis, key, log)
  let readings = 0

  async function read(): Promise<LoggedEvent[]> {
    const reply = redis.run(key, (client) => client.xRevRange(key, '+', '-', { COUNT: MOST_STORED }))
    const stored = await ifWrongType(reply, () => {
      foreignKey.found()
      return []
    })
    return (stored ?? []).reverse().flatMap(({ id, message }) => parse(id, message.event))
  }

  return {
    parse,
    evict: evicted.add,

    /** Publishes an event, and deletes the evicted ones. Does not throw: returns false if it failed. */
    async append(event: Event): Promise<boolean> {
      try {
        const entry = { channel, text: JSON.stringify(event), most: MOST_STORED }
        const outcome = await redis.run(key, (client) => appendAndPublish(client, key, entry))
        if (outcome === 'isForeign') foreignKey.found()
        else foreignKey.gone()
        if (outcome === 'kept') void evicted.deleteAll()
        return true
      } catch (error) {
        log.warn({ type: event.type, reason: String(error) }, 'Failed to publish event')
        return false
      }
    },

    /** Reads the stream, with retries, and passes the entries to `use`, oldest first. A later call cancels an earlier one. */
    async readAll(use: (stored: LoggedEvent[]) => void): Promise<void> {
      const reading = ++readings
      while (reading === readings) {
        try {
          const stored = await read()
          if (reading === readings) use(stored)
          return
        } catch (error) {
          log.warn({ reason: String(error) }, 'Failed to read events')
          await sleep(RETRY_MS, undefined, { ref: false })
        }
      }
    },
  }
}

/** Returns a function that parses an entry of the stream, or a message. It returns no entry if that is malformed. */
function createEntryParser({ key, channel }: { key: string; channel: string }, log: Logger) {
  let isLogged = false
  return (id: string | undefined, json: string | undefined): LoggedEvent[] => {
    const event = parseJson(eventSchema, json)
    // Another program can also choose ids that no client could name.
    if (event && (id === undefined || asEventId(id) !== undefined)) return [{ id, event }]
    // Logged once: another program under the same name can write any number of them.
    if (!isLogged)
      log.warn({ id, key, channel }, 'Ignored malformed events. If another program wrote them, set KEY_PREFIX')
    isLogged = true
    return []
  }
}

/**
 * The entries that were evicted from the memory of this node, and are still in Redis. Other nodes evict the same ones. So a node
 * that stops leaves none behind, and one without events keeps few ids.
 */
function createEvicted(redis: RedisConnection, key: string, log: Logger) {
  const evicted: string[] = []

  function add(ids: readonly string[]): void {
    evicted.push(...ids)
    evicted.splice(0, evicted.length - MOST_STORED)
  }

  return {
    add,
    async deleteAll(): Promise<void> {
      const ids = evicted.splice(0)
      if (ids.length === 0) return
      try {
        await redis.run(key, (client) => client.xDel(key, ids))
      } catch (error) {
        add(ids)
        log.debug({ reason: String(error) }, 'Failed to delete old events')
      }
    },
  }
}
