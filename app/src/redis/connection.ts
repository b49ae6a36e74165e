import type { Logger } from '../logger.ts'
import { databaseOf, describeAddress, type RedisClient, type RedisOptions } from './create-client.ts'
import { DeadlineMissed, withDeadline } from './deadline.ts'
import { describe, ifWrongType, needsAnotherConnection, RedisDisconnected, toRedisError } from './errors.ts'
import { requirePrimary } from './inspect-server.ts'
import { keepConnected } from './keep-connected.ts'
import { createKeyNames, type KeyNames } from './key-names.ts'
import type { OpenClient, Subscriber } from './open-client.ts'

export interface RedisConnection {
  /** The names of all keys and channels. */
  keys: KeyNames
  /**
   * Sends the commands that `send` gives to the client and waits for their answers, within the deadline.
   * @throws {RedisUnavailable}
   * @throws {RedisWrongType} where a key holds data of another type
   * @throws {RedisDisconnected} at once while there is no connection; nothing is queued for later
   */
  run<T>(send: (client: RedisClient) => Promise<T>): Promise<T>
  /**
   * The value of a key, or null; data of another type is no value. With a cache, what Redis has said of it and not taken
   * back: as long as Redis has been heard within the last second. What the connection cannot bring, like the news of a
   * logout, is then not missed for longer.
   * @throws as `run` does
   */
  get(key: string): Promise<string | null>
  /** For whoever has changed the key over this connection: `get` gives nothing older from now on. */
  forget(key: string): void
  /**
   * Listens on a channel, for as long as the process lives. Over the same connection: RESP3 has room for both.
   * @throws {RedisUnavailable} when it cannot begin on the connection that there is; it begins anew with every new one
   */
  subscribe(channel: string, subscriber: Subscriber): Promise<void>
  /** Why sessions cannot be written now, or undefined if they can. Sends a command; does not throw. */
  whyNotReady(): Promise<string | undefined>
  /** Settings of the connected server that are wrong, although it can serve. */
  warnings(): readonly string[]
  /** Waits for the answers that are due, then hangs up. Does not throw. */
  close(): Promise<void>
}

const MISSES_BEFORE_REPLACEMENT = 3
/** More than two heartbeats of a node (nodes/cluster.ts), so that a Redis that answers is always heard in time. */
const CACHE_TRUSTED_MS = 1_000

/**
 * Connects to Redis and stays connected (keep-connected.ts).
 * @throws {RedisUnavailable} when the first attempt fails for a reason that will not pass by itself
 */
export async function connectRedis(options: RedisOptions, log: Logger): Promise<RedisConnection> {
  const address = describeAddress(options.url)
  const subscribers = new Map<string, Subscriber>()
  const link = await keepConnected(options, subscribers, log)

  async function run<T>(send: (client: RedisClient) => Promise<T>): Promise<T> {
    const used = link.current()
    if (!used) throw new RedisDisconnected(`no connection to Redis: ${link.failure()}`)
    const askedAt = performance.now()
    try {
      const answer = await withDeadline(send(used.client), options.deadlineMs)
      used.missesInARow = 0
      used.heardAt = askedAt
      return answer
    } catch (error) {
      if (isLost(used, error)) link.replace(used, error)
      throw toRedisError(error)
    }
  }

  async function get(key: string): Promise<string | null> {
    const ask = () => {
      const value = run((client) => client.get(key))
      return ifWrongType<string | null>(value, () => null)
    }
    const { cache, heardAt = 0 } = link.current() ?? {}
    if (!cache) return ask()
    const isTrusted = performance.now() - heardAt < CACHE_TRUSTED_MS
    return (isTrusted && cache.recall(key)) || cache.read(key, ask)
  }

  return {
    keys: createKeyNames({ prefix: options.keyPrefix ?? '', database: databaseOf(options.url) }),
    run,
    get,
    forget: (key) => link.current()?.cache?.forget(key),

    async subscribe(channel, subscriber) {
      subscribers.set(channel, subscriber)
      if (!link.current()) return
      subscriber.onSubscribing()
      await run((client) => client.subscribe(channel, subscriber.onMessage))
      subscriber.onSubscribed()
    },

    async whyNotReady() {
      try {
        await run((client) => Promise.all([requirePrimary(client, address), client.atomic.functionsReady()]))
        return undefined
      } catch (error) {
        return `Redis is unavailable: ${describe(error).replace(/\.$/, '')}.`
      }
    },

    warnings() {
      const warning = link.current()?.memory.warning
      return warning === undefined ? [] : [warning]
    },
    close: link.close,
  }
}

/** Whether this error means that the connection must be replaced. */
function isLost(used: OpenClient, error: unknown): boolean {
  if (error instanceof DeadlineMissed) return ++used.missesInARow >= MISSES_BEFORE_REPLACEMENT
  return needsAnotherConnection(error)
}
