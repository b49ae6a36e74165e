import type { Logger } from '../../logger.ts'
import type { Address } from '../../redis-servers.ts'
import type { RedisConnection } from '../connection.ts'
import type { RedisClient, RedisOptions } from '../create-client.ts'
import { DeadlineMissed, withDeadline } from '../deadline.ts'
import { ifWrongType, NotReplicated, RedisDisconnected, RedisWrongType } from '../errors.ts'
import { createKeyNames } from '../key-names.ts'
import type { Subscriber } from '../open-client.ts'
import type { Primary } from '../primary.ts'
import { slotOf } from './key-slot.ts'
import { createPrimaries, type Primaries } from './primaries.ts'
import { asking, redirectOf } from './redirect.ts'
import { addressOf } from './slot-map.ts'
import { createTopology, type Topology } from './topology.ts'

type Send<T> = (client: RedisClient) => Promise<T>
type Way = 'run' | 'write' | 'undo'

/** A slot can move back and forth. A call ends after this many redirects. */
const MOST_REDIRECTS = 5

/**
 * Connects to all primaries of a Redis Cluster, each like a single Redis, and sends every command to the one that has its key.
 * @throws {RedisUnavailable} when the first attempt fails for a permanent reason
 */
export async function connectCluster(
  options: RedisOptions & { cluster: readonly Address[] },
  log: Logger,
): Promise<RedisConnection> {
  const primaries = createPrimaries(options, log)
  const subscriptions = createSubscriptions((channel) => primaries.find(topology.ownerOf(slotOf(channel))))
  const topology = createTopology(options, primaries, subscriptions.follow, log)
  const send = createRouter(primaries, topology, options)
  try {
    await topology.refresh()
  } catch (error) {
    topology.stop()
    await primaries.close()
    throw error
  }

  const run = <T>(key: string, commands: Send<T>) => send(key, 'run', commands)
  return {
    keys: createKeyNames({ prefix: options.keyPrefix ?? '', database: 0 }),
    isOrdered: false,
    run,
    write: (key, commands) => send(key, 'write', commands),
    undo: (key, commands) => send(key, 'undo', commands),
    async settle(key) {
      if (options.replicas) await send(key, 'write', (client) => client.atomic.settle(key))
    },
    isLacking: () => primaries.all().some((primary) => primary.isLacking()),
    get: (key) =>
      ifWrongType<string | null>(
        run(key, (client) => client.get(key)),
        () => null,
      ),
    forget() {},
    subscribe: subscriptions.add,
    async whyNotReady() {
      if (!topology.isComplete()) return 'Redis is unavailable: some slots of the cluster have no server.'
      const reasons = await Promise.all(primaries.all().map((primary) => primary.whyNotReady()))
      return reasons.find((reason) => reason !== undefined)
    },
    primaries: () => primaries.all().flatMap((primary) => primary.primaries()),
    warnings: () => [...new Set(primaries.all().flatMap((primary) => primary.warnings()))],
    async close() {
      topology.stop()
      await primaries.close()
    },
  }
}

function createRouter(primaries: Primaries, topology: Topology, { deadlineMs }: Pick<RedisOptions, 'deadlineMs'>) {
  /** The server that redirects has executed nothing, and the connection to the other one is still opened afterwards. */
  const connectInTime = (name: string) =>
    withDeadline(primaries.ensure(name), deadlineMs).catch((error: unknown) => {
      if (!(error instanceof DeadlineMissed)) throw error
      throw new RedisDisconnected(`no connection to Redis: ${name} was not reached in time`, { cause: error })
    })

  return async <T>(key: string, way: Way, commands: Send<T>): Promise<T> => {
    let name = topology.ownerOf(slotOf(key))
    let isAsking = false
    for (let redirects = 0; ; redirects++) {
      try {
        return await primaries.get(name)[way](key, isAsking ? (client) => commands(asking(client)) : commands)
      } catch (error) {
        const redirect = redirects < MOST_REDIRECTS ? redirectOf(error) : undefined
        if (!redirect) {
          // Another server may have the slot by now: a failover ends with no message to the clients.
          if (!(error instanceof RedisWrongType || error instanceof NotReplicated)) topology.notice()
          throw error
        }
        // Without a host, it is another port of the same one.
        name = redirect.owner.startsWith(':') ? addressOf(name ?? '').host + redirect.owner : redirect.owner
        isAsking = !redirect.isMoved
        if (redirect.isMoved) {
          topology.move(redirect.slot, name)
          topology.notice()
        }
        await connectInTime(name)
      }
    }
  }
}

/**
 * Subscriptions, each at the server that has the slot of its channel. A message that is published anywhere in the cluster reaches
 * it. The events of this application are published there, so they arrive in the order of their stream, whose key has the name of
 * the channel.
 */
function createSubscriptions(ownerOf: (channel: string) => Primary | undefined) {
  const subscribed = new Map<string, { subscriber: Subscriber; at: Primary | undefined }>()

  async function add(channel: string, subscriber: Subscriber): Promise<void> {
    const at = ownerOf(channel)
    subscribed.set(channel, { subscriber, at })
    // Without an owner, `follow` subscribes when there is one.
    await at?.subscribe(channel, subscriber)
  }

  return {
    add,
    /** Moves the subscriptions whose slots have moved. */
    follow(): void {
      for (const [channel, { subscriber, at }] of subscribed) {
        if (ownerOf(channel) === at) continue
        void at?.unsubscribe(channel).catch(() => {})
        // A connection that fails now subscribes when it is open again.
        void add(channel, subscriber).catch(() => {})
      }
    },
  }
}
