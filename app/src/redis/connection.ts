import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'
import type { Logger } from '../logger.ts'
import { appendAndPublish } from './append-and-publish.ts'
import { compareAndSet } from './compare-and-set.ts'
import { DeadlineMissed, withDeadline } from './deadline.ts'
import { explainFailure } from './explain-failure.ts'
import { createReadCache, type ReadCache } from './read-cache.ts'

/** Redis could not do what was asked: out of reach, too slow, or refusing. The cause says which. */
export class RedisUnavailable extends Error {
  override readonly name: string = 'RedisUnavailable'
}

/** There is no connection, so Redis was not even asked. Another node may have one. */
export class RedisDisconnected extends RedisUnavailable {
  override readonly name = 'RedisDisconnected'
}

export interface RedisOptions {
  /** redis:// or rediss:// address; a user name in it is used, a password in it yields to `password`. */
  url: string
  password?: string | undefined
  /** How long any one call may take, in milliseconds. */
  deadlineMs: number
  /** How many values `get` may keep in this process. 0, or not given: none. */
  cacheEntries?: number
}

export interface RedisConnection {
  /**
   * Sends the commands that `send` gives to the client and waits for their answers, within the deadline.
   * @throws {RedisUnavailable}
   * @throws {RedisDisconnected} at once while there is no connection; nothing is queued for later
   */
  run<T>(send: (client: RedisClient) => Promise<T>): Promise<T>
  /**
   * The value of a key, or null. With a cache, what Redis has said of it and not taken back: as long as Redis has been
   * heard within the last second. What the connection cannot bring, like the news of a logout, is then not missed for longer.
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
  /** Waits for the answers that are due, then hangs up. Does not throw. */
  close(): Promise<void>
}

export interface Subscriber {
  /** Called each time before the subscription is asked for: messages may come in the same instant as the answer. */
  onSubscribing(): void
  onMessage(message: string): void
  /** Called each time the subscription has begun. What was published since the last one ended is lost. */
  onSubscribed(): void
}

export type RedisClient = ReturnType<typeof createRedisClient>

const MISSES_BEFORE_REPLACEMENT = 3
/** With an attempt that was under way, a Redis that is back is found within two seconds. */
const LONGEST_BACKOFF_MS = 1_000
/** More than two heartbeats of a node (nodes/cluster.ts), so that a Redis that answers is always heard in time. */
const CACHE_TRUSTED_MS = 1_000

/**
 * Connects to Redis, and from then on stays connected: a lost connection is made anew, with backoff, for ever.
 *
 * A client here lives as long as its one connection. Reconnecting is done by replacing it, because a client that
 * reconnects by itself can stay "ready" on a server that does not answer (redis/node-redis#2667, #3346).
 * @throws {RedisUnavailable} when the first attempt fails: a process that has never seen Redis should say so and end.
 * But not when Redis is there and only has no room for another client: then it resolves, and goes on trying.
 */
export async function connectRedis(options: RedisOptions, log: Logger): Promise<RedisConnection> {
  let current: RedisClient | undefined
  let missesInARow = 0
  /** Ends with the connection: what has changed while there was none, nobody would have said. */
  let cache: ReadCache | undefined
  /** When the last question was asked that Redis has answered. All that changed before, it has told before that answer. */
  let heardAt = 0
  const closing = new AbortController()
  const subscribers = new Map<string, Subscriber>()

  async function open(): Promise<void> {
    const client = createRedisClient(options)
    let failure: unknown
    // Without a listener an 'error' event ends the process. What it says also reaches whoever awaits a command.
    client.on('error', (error) => {
      failure = error
    })
    client.on('terminated', () => lose(client, failure))
    const ownCache = options.cacheEntries ? createReadCache(options.cacheEntries) : undefined
    client.on('invalidate', (key: Buffer | null) => ownCache?.forget(key === null ? null : key.toString()))
    try {
      await withDeadline(client.connect(), 4 * options.deadlineMs)
      // Redis answers HELLO while it still loads its data; PING is refused until it is done.
      await withDeadline(client.ping(), options.deadlineMs)
      for (const [channel, { onSubscribing, onMessage }] of subscribers) {
        onSubscribing()
        await withDeadline(client.subscribe(channel, onMessage), options.deadlineMs)
      }
    } catch (error) {
      client.destroy()
      throw error
    }
    if (closing.signal.aborted) {
      client.destroy()
      return
    }
    current = client
    cache = ownCache
    missesInARow = 0
    log.info({ redis: describeAddress(options.url) }, 'Redis connected successfully')
    for (const { onSubscribed } of subscribers.values()) onSubscribed()
  }

  function lose(client: RedisClient, reason: unknown): void {
    client.destroy()
    if (current !== client) return
    current = undefined
    cache = undefined
    log.error({ reason: describe(reason) }, 'Redis connection lost')
    void reconnect()
  }

  async function reconnect(): Promise<void> {
    for (let attempt = 0; !closing.signal.aborted; attempt++) {
      try {
        return await open()
      } catch (error) {
        log.error({ reason: describe(error), redis: describeAddress(options.url) }, 'Failed to connect to Redis')
      }
      // Half of the wait is chance, so that the nodes do not all come back in the same instant.
      const longest = Math.min(LONGEST_BACKOFF_MS, 50 * 2 ** attempt)
      await sleep(longest * (0.5 + Math.random() / 2), undefined, { signal: closing.signal }).catch(() => {})
    }
  }

  try {
    await open()
  } catch (error) {
    const found = await explainFailure({ error, ...options })
    const cause = found instanceof Error ? found : error
    const reason = describe(cause)
    const address = describeAddress(options.url)
    if (found !== 'full') throw new RedisUnavailable(`Failed to connect to Redis at ${address}: ${reason}`, { cause })
    log.error({ reason, redis: address }, 'Failed to connect to Redis')
    void reconnect()
  }

  async function run<T>(send: (client: RedisClient) => Promise<T>): Promise<T> {
    const client = current
    if (!client) throw new RedisDisconnected('no connection to Redis')
    const askedAt = performance.now()
    try {
      const answer = await withDeadline(send(client), options.deadlineMs)
      missesInARow = 0
      if (client === current) heardAt = askedAt
      return answer
    } catch (error) {
      if (error instanceof DeadlineMissed && client === current && ++missesInARow >= MISSES_BEFORE_REPLACEMENT) {
        lose(client, error)
      }
      throw new RedisUnavailable(describe(error), { cause: error })
    }
  }

  async function get(key: string): Promise<string | null> {
    const ask = () => run((client) => client.get(key))
    if (!cache) return ask()
    const isTrusted = performance.now() - heardAt < CACHE_TRUSTED_MS
    return (isTrusted && cache.recall(key)) || cache.read(key, ask)
  }

  return {
    run,
    get,
    forget: (key) => cache?.forget(key),

    async subscribe(channel, subscriber) {
      subscribers.set(channel, subscriber)
      if (!current) return
      subscriber.onSubscribing()
      await run((client) => client.subscribe(channel, subscriber.onMessage))
      subscriber.onSubscribed()
    },

    async close() {
      closing.abort()
      const client = current
      current = undefined
      cache = undefined
      if (!client) return
      await withDeadline(client.close(), options.deadlineMs).catch(() => client.destroy())
      log.info('Redis connection closed')
    },
  }
}

function createRedisClient({ url, password, deadlineMs, cacheEntries }: RedisOptions) {
  const address = new URL(url)
  const username = decodeURIComponent(address.username)
  const secret = password ?? decodeURIComponent(address.password)
  // Left in the URL, a user name without a password would win over the password given beside it.
  address.username = ''
  address.password = ''
  return createClient({
    url: address.href,
    ...(username === '' ? {} : { username }),
    ...(secret === '' ? {} : { password: secret }),
    scripts: { ...compareAndSet, ...appendAndPublish },
    // A command for which there is no connection fails now; the user is told to come back rather than kept waiting.
    disableOfflineQueue: true,
    // Makes Redis say when what this client has read changes. What to do with it is left to us: see docs/decisions.md.
    ...(cacheEntries ? { emitInvalidate: true } : {}),
    // A timer of its own for each command, which `withDeadline` makes superfluous.
    commandOptions: { timeout: 0 },
    socket: { connectTimeout: 2 * deadlineMs, reconnectStrategy: false },
  })
}

/** Host and port only: an address can hold a password. */
function describeAddress(url: string): string {
  return new URL(url).host
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'the connection was closed'
  // ECONNREFUSED on both ::1 and 127.0.0.1 arrives as an AggregateError with an empty message.
  if (error instanceof AggregateError) return error.errors.map(describe).join(', ')
  return error.message || error.name
}
