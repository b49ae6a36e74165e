import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { EventLog } from '../events/event-log.ts'
import type { Logger } from '../logger.ts'
import type { RedisClock } from '../redis/clock.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { foreignKey, ifWrongType } from '../redis/errors.ts'
import { createForeignKeyLog } from '../redis/foreign-key-log.ts'

const heartbeatSchema = z.object({
  seenAt: z.number(),
  uptimeSeconds: z.number(),
  requests: z.number(),
  redisMs: z.number(),
  state: z.enum(['up', 'draining']),
})
type Heartbeat = z.infer<typeof heartbeatSchema>

export interface ClusterNode extends Omit<Heartbeat, 'seenAt' | 'state'> {
  // `redisMs`: how long Redis took to answer this node last.
  name: string
  /** `suspect`: its heartbeat is late. The node may be dead, blocked or cut off from Redis, or the machine may be busy. */
  state: Heartbeat['state'] | 'suspect'
}

export interface Cluster {
  /**
   * The nodes that have not left, by name. A node with a late heartbeat is listed as suspect. Throws `ForeignKey` if another
   * program uses the key.
   */
  nodes(): Promise<ClusterNode[]>
  /** Says that this node is about to go. Does not throw. */
  announceDrain(): Promise<void>
  /** Stops saying that this node is there, and says that it is gone. Does not throw. */
  leave(): Promise<void>
}

const HEARTBEAT_MS = 400
/** Three heartbeats: a node that is killed is suspect within two seconds. */
const SUSPECT_MS = 1_200
/** A busy machine delays a heartbeat by seconds. A node that is silent for longer than this has left. */
const GONE_MS = 5_000
/** How long a node has to have had Redis itself before it says of another one that it is gone: both may have lost it. */
const TRUSTED_AFTER_MS = 4_000

interface Parts {
  /** The hash with the heartbeats. Nodes that share no sessions are no cluster, and have another one. */
  key: string
  name: string
  clock: RedisClock
  requestsAnswered: () => number
  events: Pick<EventLog, 'append' | 'announce'>
}

/**
 * Which nodes share this Redis: each writes a heartbeat to a hash, stamped with Redis's own clock, so nodes whose clocks
 * differ still agree on who is alive. Who comes, goes or is missed is told as an event, each time by exactly one node.
 */
export function joinCluster(redis: RedisConnection, parts: Parts, log: Logger): Cluster {
  const { key, name, clock, requestsAnswered, events } = parts
  const leaving = new AbortController()
  const foreignKeyLog = createForeignKeyLog(key, log)
  let state: Heartbeat['state'] = 'up'
  /** What the others have still to be told of this node. */
  const untold = new Set<'redis_back' | 'node_up'>(['node_up'])
  /** The nodes whose heartbeat was late when this node last looked. */
  const suspects = new Set<string>()
  /** Since when Redis has answered every heartbeat, by this process's clock; undefined while it does not. */
  let inTouchSince: number | undefined

  async function beat(): Promise<void> {
    const askedAt = performance.now()
    const seenAt = await clock.read()
    const answeredAt = performance.now()
    const heartbeat: Heartbeat = {
      seenAt,
      // The clock of `performance` starts with the process.
      uptimeSeconds: Math.floor(answeredAt / 1000),
      requests: requestsAnswered(),
      redisMs: Number((answeredAt - askedAt).toFixed(2)),
      state,
    }
    const [added, all] = await writeHeartbeat(JSON.stringify(heartbeat))
    inTouchSince ??= answeredAt
    // Only who had been taken off the list is new to it: so a node that was missed and comes back says so.
    if (added === 1) untold.add('node_up')
    for (const type of untold) {
      if (await events.append({ type, node: name })) untold.delete(type)
    }
    if (answeredAt - inTouchSince <= TRUSTED_AFTER_MS) return
    reportSuspects(all, seenAt)
    await reportMissing(all, seenAt)
  }

  /** A hint for the pages of this node only. It is not kept in the event log: nothing has happened yet. */
  function reportSuspects(all: Record<string, string>, now: number): void {
    for (const node of suspects) if (!(node in all)) suspects.delete(node)
    for (const [node, json] of Object.entries(all)) {
      const heartbeat = parseHeartbeat(json)
      if (!heartbeat || isGone(heartbeat, now)) continue
      if (isLate(heartbeat, now) === suspects.has(node)) continue
      if (suspects.delete(node)) events.announce({ type: 'node_heard', node })
      else {
        suspects.add(node)
        events.announce({ type: 'node_suspect', node })
      }
    }
  }

  /** If another program uses the key, this node continues without a list of the others. */
  async function writeHeartbeat(json: string): Promise<[number, Record<string, string>]> {
    const written = redis.run((client) => Promise.all([client.hSet(key, name, json), client.hGetAll(key)]))
    void written.then(foreignKeyLog.gone, () => {})
    return ifWrongType<[number, Record<string, string>]>(written, () => {
      foreignKeyLog.found()
      return [0, {}]
    })
  }

  async function reportMissing(all: Record<string, string>, now: number): Promise<void> {
    for (const [node, json] of Object.entries(all)) {
      if (!isGone(parseHeartbeat(json), now)) continue
      // Of all the nodes that notice, the one that takes it off the list says it.
      const isFirst = (await redis.run((client) => client.hDel(key, node))) === 1
      if (isFirst) await events.append({ type: 'node_gone', node })
    }
  }

  async function keepBeating(): Promise<void> {
    while (!leaving.signal.aborted) {
      try {
        await beat()
      } catch (error) {
        log.debug({ reason: String(error) }, 'Heartbeat missed')
        // To the pages of this node only. Those of the others learn it from the heartbeat that does not come.
        if (inTouchSince !== undefined) {
          events.announce({ type: 'redis_lost', node: name })
          untold.add('redis_back')
        }
        inTouchSince = undefined
      }
      await sleep(HEARTBEAT_MS, undefined, { ref: false, signal: leaving.signal }).catch(() => {})
    }
  }
  const beating = keepBeating()

  return {
    async nodes() {
      const heartbeats = redis.run((client) => client.hGetAll(key))
      const listed = ifWrongType(heartbeats, () => Promise.reject(foreignKey(key)))
      const [now, all] = await Promise.all([clock.read(), listed])
      return Object.entries(all)
        .flatMap(([node, json]) => {
          const heartbeat = parseHeartbeat(json)
          if (heartbeat === undefined || isGone(heartbeat, now)) return []
          const { seenAt: _, state: said, ...facts } = heartbeat
          return [{ name: node, ...facts, state: isLate(heartbeat, now) ? ('suspect' as const) : said }]
        })
        .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
    },

    async announceDrain() {
      state = 'draining'
      await events.append({ type: 'node_draining', node: name })
    },

    async leave() {
      leaving.abort()
      // A heartbeat that is under way would put this node back on the list.
      await beating
      const isListed = await redis.run((client) => client.hDel(key, name)).catch(() => 0)
      if (isListed === 1) await events.append({ type: 'node_gone', node: name })
    },
  }
}

/** Undefined for one of another form: that of another version, or of nobody. */
function parseHeartbeat(json: string): Heartbeat | undefined {
  try {
    return heartbeatSchema.safeParse(JSON.parse(json)).data
  } catch {
    return undefined
  }
}

const isLate = ({ seenAt }: Heartbeat, now: number) => now - seenAt > SUSPECT_MS

const isGone = (heartbeat: Heartbeat | undefined, now: number) =>
  heartbeat === undefined || now - heartbeat.seenAt > GONE_MS
