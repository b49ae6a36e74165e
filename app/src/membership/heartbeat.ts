import { setTimeout as sleep } from 'node:timers/promises'
import type { EventLog } from '../events/event-log.ts'
import type { Logger } from '../logger.ts'
import type { RedisClock } from '../redis/clock.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { announceDrain } from './announce-drain.ts'
import { createHeartbeatHash, type Heartbeat, type HeartbeatHash, type Heartbeats } from './heartbeat-hash.ts'
import { createSilenceReport, isGone, isLate } from './silent-nodes.ts'

const HEARTBEAT_MS = 400
/** How long a node must have been connected to Redis before it reports another one as gone: both may have lost Redis. */
const TRUSTED_AFTER_MS = 4_000

interface Parts {
  /** The key of the hash with the heartbeats. Nodes that share no sessions use different keys. */
  key: string
  name: string
  clock: RedisClock
  requestsAnswered: () => number
  events: Pick<EventLog, 'append' | 'announce' | 'listen'>
}

export type Cluster = ReturnType<typeof joinCluster>

/**
 * Joins the nodes that share this Redis. Each writes heartbeats to a hash, with the time of the Redis server, so nodes whose
 * clocks differ agree on which nodes run. When a node joins, leaves or is silent, one node publishes an event.
 */
export function joinCluster(redis: RedisConnection, parts: Parts, log: Logger) {
  const { key, name, clock, events } = parts
  const hash = createHeartbeatHash(redis, key, log)
  const heartbeat = startHeartbeat(hash, parts, log)

  return {
    /** The nodes that have not left, by name. Throws `ForeignKey` if another program uses the key. */
    async nodes() {
      const [now, heartbeats] = await Promise.all([clock.read(), hash.read()])
      return listNodes(heartbeats, now)
    },

    /** Publishes that this node is stopping, and waits until its own pages have the event. Does not throw. */
    async announceDrain(): Promise<void> {
      // First in the list of nodes: a page that reads it after the event must not find this node running.
      await heartbeat.setState('draining')
      await announceDrain(events, name)
    },

    /** Stops the heartbeat and publishes that this node has left. Does not throw. */
    async leave(): Promise<void> {
      await heartbeat.stop()
      if (await hash.remove(name).catch(() => false)) await events.append({ type: 'node_gone', node: name })
    },
  }
}

/** Writes the heartbeat of this node, and publishes what it learns from it about Redis and the other nodes. */
function startHeartbeat(hash: HeartbeatHash, { name, clock, requestsAnswered, events }: Parts, log: Logger) {
  const reportSilence = createSilenceReport(hash, events)
  let state: Heartbeat['state'] = 'up'
  /** The events of this node that are not published yet. */
  const unpublished = new Set<'redis_back' | 'node_up'>(['node_up'])
  /** Since when Redis has answered every heartbeat, by the clock of this process; undefined while it does not. */
  let connectedSince: number | undefined
  /** How long the last reply to a heartbeat took. */
  let redisMs: number | undefined

  const facts = (repliedInMs: number) => ({
    // `performance.now()` starts at 0 with the process.
    uptimeSeconds: Math.floor(performance.now() / 1000),
    requests: requestsAnswered(),
    redisMs: repliedInMs,
    state,
  })

  async function writeHeartbeat(): Promise<void> {
    redisMs ??= await measureRedis(clock)
    const sentAt = performance.now()
    const written = await hash.write(name, facts(redisMs))
    const answeredAt = performance.now()
    redisMs = Number((answeredAt - sentAt).toFixed(2))
    const { seenAt, isNew, heartbeats } = written ?? { ...NOTHING_WRITTEN, seenAt: await clock.read() }
    clock.set(seenAt)
    connectedSince ??= answeredAt
    // Also for a node that another node had removed from the hash.
    if (isNew) unpublished.add('node_up')
    for (const type of unpublished) {
      if (await events.append({ type, node: name })) unpublished.delete(type)
    }
    if (answeredAt - connectedSince > TRUSTED_AFTER_MS) await reportSilence(heartbeats, seenAt)
  }

  /** Tells the pages of this node only. The other nodes notice that the heartbeat is late. */
  function onMissed(error: unknown): void {
    log.debug({ reason: String(error) }, 'Failed to write heartbeat')
    if (connectedSince !== undefined) {
      events.announce({ type: 'redis_lost', node: name })
      unpublished.add('redis_back')
    }
    connectedSince = undefined
  }

  const { stop } = repeat(() => writeHeartbeat().catch(onMissed))

  return {
    /** Writes the state at once. If that fails, or before the first heartbeat, the next heartbeat has it. Does not throw. */
    async setState(next: Heartbeat['state']): Promise<void> {
      state = next
      if (redisMs !== undefined) await hash.write(name, facts(redisMs)).catch(() => {})
    },

    stop,
  }
}

/** Calls `beat`, which does not throw, every `HEARTBEAT_MS`. A beat that takes longer is followed by the next one at once. */
function repeat(beat: () => Promise<void>) {
  const stopping = new AbortController()

  async function keepWriting(): Promise<void> {
    while (!stopping.signal.aborted) {
      const startedAt = performance.now()
      await beat()
      const leftMs = Math.max(0, startedAt + HEARTBEAT_MS - performance.now())
      await sleep(leftMs, undefined, { ref: false, signal: stopping.signal }).catch(() => {})
    }
  }
  const writing = keepWriting()

  return {
    /** Waits for a heartbeat in progress, which would add this node to the hash again. */
    async stop(): Promise<void> {
      stopping.abort()
      await writing
    },
  }
}

const NOTHING_WRITTEN = { isNew: false, heartbeats: new Map<string, undefined>() }

/** How long a reply of Redis takes. */
async function measureRedis(clock: RedisClock): Promise<number> {
  const sentAt = performance.now()
  await clock.read()
  return Number((performance.now() - sentAt).toFixed(2))
}

/** A node with a late heartbeat is suspect: it may have crashed or lost Redis, or the machine may be busy. */
function listNodes(heartbeats: Heartbeats, now: number) {
  return [...heartbeats]
    .flatMap(([name, heartbeat]) => {
      if (heartbeat === undefined || isGone(heartbeat, now)) return []
      const { seenAt: _, state, ...facts } = heartbeat
      return [{ name, ...facts, state: isLate(heartbeat, now) ? ('suspect' as const) : state }]
    })
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
}
