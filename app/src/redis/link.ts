import type { Logger } from '../logger.ts'
import type { RedisClient, RedisOptions } from './create-client.ts'
import { DeadlineMissed, withDeadline } from './deadline.ts'
import {
  describe,
  ifWrongType,
  NO_REPLICAS,
  needsAnotherConnection,
  RedisDisconnected,
  toRedisError,
} from './errors.ts'
import { requirePrimary } from './inspect-server.ts'
import { type KeptConnection, keepConnected, type Place } from './keep-connected.ts'
import { adviceOf, type OpenClient, type Subscriber } from './open-client.ts'

const MISSES_BEFORE_REPLACEMENT = 3
/** More than two heartbeats of a node (membership/heartbeat.ts), so a Redis that answers always replies in time. */
const CACHE_TRUSTED_MS = 1_000

export type Link = Awaited<ReturnType<typeof openLink>>

/**
 * One lasting connection to one server, with a deadline on every call. RedisConnection describes its functions.
 * @throws what `place.throwIfPermanent` throws, when the first attempt fails
 */
export async function openLink(options: RedisOptions, place: Place, log: Logger) {
  const subscribers = new Map<string, Subscriber>()
  const link = await keepConnected(options, place, subscribers, log)

  const run = createRun(link, options)

  const query = (key: string) => {
    const reply = run(key, (client) => client.get(key))
    return ifWrongType<string | null>(reply, () => null)
  }

  return {
    run,

    async get(key: string): Promise<string | null> {
      const { cache, heardAt = 0 } = link.current() ?? {}
      if (!cache) return query(key)
      const isTrusted = performance.now() - heardAt < CACHE_TRUSTED_MS
      return (isTrusted && cache.recall(key)) || cache.read(key, query)
    },

    forget: (key: string): void => link.current()?.cache?.forget(key),

    async subscribe(channel: string, subscriber: Subscriber): Promise<void> {
      subscribers.set(channel, subscriber)
      const used = link.current()
      if (!used) return
      subscriber.onSubscribing()
      await run(channel, (client) => client.subscribe(channel, subscriber.onMessage)).catch((error: unknown) => {
        // It may yet be executed, and the subscriber would not know. The next connection subscribes by itself.
        link.replace(used, error)
        throw error
      })
      subscriber.onSubscribed()
    },

    async unsubscribe(channel: string): Promise<void> {
      subscribers.delete(channel)
      if (link.current()) await run(channel, (client) => client.unsubscribe(channel))
    },

    async whyNotReady(): Promise<string | undefined> {
      try {
        await run('', (client) =>
          Promise.all([
            requirePrimary(client, link.current()?.address ?? '', adviceOf(options)),
            client.atomic.functionsReady(),
          ]),
        )
        return undefined
      } catch (error) {
        return `Redis is unavailable: ${describe(error).replace(/\.$/, '')}.`
      }
    },

    primaries: () => [link.current()?.address].filter((address) => address !== undefined),
    isConnected: () => link.current() !== undefined,
    warnings: () => [link.current()?.memory.warning].filter((warning) => warning !== undefined),
    relocate: link.relocate,
    close: link.close,
  }
}

/** Sends commands over the current connection, and replaces it when it is of no use any more. */
function createRun(link: KeptConnection, options: RedisOptions) {
  /** The key only matters to a cluster, which has the same function. */
  async function run<T>(_key: string, send: (client: RedisClient) => Promise<T>): Promise<T> {
    const used = link.current()
    if (!used) throw new RedisDisconnected(`no connection to Redis: ${link.failure()}`)
    const sentAt = performance.now()
    try {
      const reply = await withDeadline(send(used.client), options.deadlineMs)
      used.missesInARow = 0
      used.heardAt = sentAt
      return reply
    } catch (error) {
      if (isLost(used, error)) link.replace(used, error)
      throw toRedisError(error)
    }
  }

  /** Whether this error means that the connection must be replaced. */
  function isLost(used: OpenClient, error: unknown): boolean {
    if (error instanceof DeadlineMissed) return ++used.missesInARow >= MISSES_BEFORE_REPLACEMENT
    // Where replicas are expected, a primary without them may have been replaced by another one.
    return needsAnotherConnection(error) || (!!options.replicas && NO_REPLICAS.test(describe(error)))
  }

  return run
}
