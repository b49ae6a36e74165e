import type { RedisClient } from './create-client.ts'
import type { KeyNames } from './key-names.ts'
import type { Subscriber } from './open-client.ts'

export interface RedisConnection {
  /** The names of all keys and channels. */
  keys: KeyNames
  /**
   * Whether commands run in the order in which they are sent, whatever their keys. In a cluster, only those of one key do.
   */
  isOrdered: boolean
  /**
   * Sends the commands of `send` and waits for their replies, within the deadline. All of them are about `key`, or about no key:
   * in a cluster it decides which server gets them.
   * @throws {RedisUnavailable}
   * @throws {RedisWrongType} where a key holds data of another type
   * @throws {RedisDisconnected} at once while there is no connection: no command is queued
   */
  run<T>(key: string, send: (client: RedisClient) => Promise<T>): Promise<T>
  /**
   * Like `run`, for rare writes: resolves when as many replicas have them as SESSION_REPLICAS says.
   * @throws {NotReplicated} if the write was done, and too few replicas confirmed it in time
   */
  write<T>(key: string, send: (client: RedisClient) => Promise<T>): Promise<T>
  /** Like `run`, and after all earlier calls of `write`, on their connection: for what takes a write back. */
  undo<T>(key: string, send: (client: RedisClient) => Promise<T>): Promise<T>
  /**
   * Waits until the replicas have what was written at this key before, on any connection. Without SESSION_REPLICAS does nothing.
   * @throws {NotReplicated}
   */
  settle(key: string): Promise<void>
  /** Whether replicas have failed to confirm a write a moment ago. What can wait should then not be written. */
  isLacking(): boolean
  /**
   * Returns the value of a key. Null if there is none, or data of another type. With a cache, returns the last value that Redis
   * has sent and not invalidated. Without a reply from Redis for one second, the cache is not used. So a lost invalidation
   * has no effect after that.
   * @throws as `run` does
   */
  get(key: string): Promise<string | null>
  /** To be called after a change of the key over this connection: from now on `get` returns no older value. */
  forget(key: string): void
  /**
   * Subscribes to a channel, as long as the process runs. Over the same connection, as RESP3 allows.
   * @throws {RedisUnavailable} when it fails on the current connection. Every new connection subscribes again.
   */
  subscribe(channel: string, subscriber: Subscriber): Promise<void>
  /** Why sessions cannot be written now, or undefined if they can. Sends a command; does not throw. */
  whyNotReady(): Promise<string | undefined>
  /** `host:port` of each server that has keys and is connected: the primary, or all primaries of a cluster. */
  primaries(): readonly string[]
  /** Settings of the connected server that are wrong, although it can serve. */
  warnings(): readonly string[]
  /** Waits for pending replies, then closes the connection. Does not throw. */
  close(): Promise<void>
}
