import { createRedisClient, describeAddress, type RedisClient, type RedisOptions } from './create-client.ts'
import { withDeadline } from './deadline.ts'
import { requireFunctions } from './function-library.ts'
import { type MemoryPolicy, readMemoryPolicy, requirePrimary } from './inspect-server.ts'
import { createReadCache, type ReadCache } from './read-cache.ts'

export interface Subscriber {
  /** Called each time before the subscription is asked for: messages may come in the same instant as the answer. */
  onSubscribing(): void
  onMessage(message: string): void
  /** Called each time the subscription has begun. What was published since the last one ended is lost. */
  onSubscribed(): void
}

export interface OpenClient {
  client: RedisClient
  /** Ends with the connection: Redis reports no change to a client that is not connected. */
  cache: ReadCache | undefined
  memory: MemoryPolicy
  /** By the process's clock, in milliseconds. */
  openedAt: number
  /** When the last question was asked that Redis has answered. All that changed before, it has told before that answer. */
  heardAt: number
  /** How many calls in a row have missed their deadline. */
  missesInARow: number
}

/**
 * One connection, to a server that can serve: it has loaded its data, is no replica, and has our functions.
 * @throws {RedisIsReplica}, {FunctionsMissing} and whatever a failed connection throws; nothing is left open then
 */
export async function openClient(
  options: RedisOptions,
  subscribers: ReadonlyMap<string, Subscriber>,
  onTerminated: (client: RedisClient, reason: unknown) => void,
): Promise<OpenClient> {
  const client = createRedisClient(options)
  let failure: unknown
  // Without a listener an 'error' event ends the process. A caller that awaits a command gets the same error.
  client.on('error', (error) => {
    failure = error
  })
  client.on('terminated', () => onTerminated(client, failure))
  const cache = options.cacheEntries ? createReadCache(options.cacheEntries) : undefined
  client.on('invalidate', (key: Buffer | null) => cache?.forget(key === null ? null : key.toString()))
  const inTime = <T>(work: Promise<T>) => withDeadline(work, options.deadlineMs)
  try {
    await withDeadline(client.connect(), 4 * options.deadlineMs)
    // Redis answers HELLO while it still loads its data; PING is refused until it is done.
    await inTime(client.ping())
    await inTime(requirePrimary(client, describeAddress(options.url)))
    await inTime(requireFunctions(client))
    const memory = await inTime(readMemoryPolicy(client))
    for (const [channel, { onSubscribing, onMessage }] of subscribers) {
      onSubscribing()
      await inTime(client.subscribe(channel, onMessage))
    }
    return { client, cache, memory, openedAt: performance.now(), heardAt: 0, missesInARow: 0 }
  } catch (error) {
    client.destroy()
    throw error
  }
}
