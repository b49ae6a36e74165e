import { createRedisClient, describeAddress, discard, type RedisClient, type RedisOptions } from './create-client.ts'
import { withDeadline } from './deadline.ts'
import {
  type MemoryPolicy,
  readMemoryPolicy,
  requireFunctions,
  requirePrimary,
  requireReplicas,
} from './inspect-server.ts'
import { createReadCache, type ReadCache } from './read-cache.ts'

export interface Subscriber {
  /** Called each time before the subscription is sent: messages may arrive together with its answer. */
  onSubscribing(): void
  onMessage(message: string): void
  /** Called each time the subscription has begun. Messages since the end of the last one are lost. */
  onSubscribed(): void
}

export interface OpenClient {
  client: RedisClient
  /** Host and port of the server. */
  address: string
  /** Ends with the connection: Redis reports no change to a client that is not connected. */
  cache: ReadCache | undefined
  memory: MemoryPolicy
  /** By the monotonic clock, in milliseconds. */
  openedAt: number
  /** When the last answered command was sent. Every change before it was reported before its answer. */
  heardAt: number
  /** How many calls in a row have missed their deadline. */
  missesInARow: number
}

/** What helps if the server is a replica. Sentinels and clusters name another one by themselves. */
export const adviceOf = ({ sentinels, cluster }: RedisOptions) =>
  sentinels || cluster ? '' : '. Point REDIS_URL at the primary'

interface Opening {
  /** Ends the attempt. */
  signal: AbortSignal
  onTerminated: (client: RedisClient, reason: unknown) => void
}

/**
 * Opens one connection, to a server that can serve: it has loaded its data, is not a replica, and has the functions. If rare
 * writes need replicas, it also has as many as it demands itself: a primary that was cut off from the others has not.
 * @throws {RedisIsReplica | FunctionsMissing} and whatever a failed connection throws. No connection stays open then
 */
export async function openClient(
  options: RedisOptions,
  subscribers: ReadonlyMap<string, Subscriber>,
  { signal, onTerminated }: Opening,
): Promise<OpenClient> {
  const client = createRedisClient(options)
  const address = describeAddress(options.url)
  let failure: unknown
  let isOpen = false
  // Without a listener an 'error' event ends the process. A caller that awaits a command gets the same error.
  client.on('error', (error) => {
    failure = error
    // node-redis goes on after an error of a listener, and then gives each command the reply of an earlier one.
    if (isOpen && client.isOpen) {
      client.destroy()
      onTerminated(client, error)
    }
  })
  client.on('terminated', () => onTerminated(client, failure))
  const cache = options.cacheEntries ? createReadCache(options.cacheEntries) : undefined
  client.on('invalidate', (key: Buffer | null) => cache?.forget(key === null ? null : key.toString()))
  const inTime = <T>(work: Promise<T>) => withDeadline(work, options.deadlineMs)
  const giveUp = () => discard(client)
  signal.addEventListener('abort', giveUp)
  try {
    signal.throwIfAborted()
    await withDeadline(client.connect(), 4 * options.deadlineMs)
    // Redis answers HELLO while it still loads its data; it rejects PING until that is done.
    await inTime(client.ping())
    await inTime(requirePrimary(client, address, adviceOf(options)))
    await inTime(requireFunctions(client))
    if (options.replicas) await inTime(requireReplicas(client))
    const memory = await inTime(readMemoryPolicy(client))
    for (const [channel, { onSubscribing, onMessage }] of subscribers) {
      onSubscribing()
      await inTime(client.subscribe(channel, onMessage))
    }
    isOpen = true
    return { client, address, cache, memory, openedAt: performance.now(), heardAt: 0, missesInARow: 0 }
  } catch (error) {
    discard(client)
    throw error
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}
