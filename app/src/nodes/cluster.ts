import { z } from 'zod'
import type { Logger } from '../logger.ts'
import { redisNow } from '../redis/clock.ts'
import type { RedisConnection } from '../redis/connection.ts'

const heartbeatSchema = z.object({
  seenAt: z.number(),
  uptimeSeconds: z.number(),
  requests: z.number(),
  redisMs: z.number(),
})

export interface ClusterNode {
  name: string
  uptimeSeconds: number
  requests: number
  /** How long Redis took to answer this node last, in milliseconds. A node that Redis does not answer is not listed. */
  redisMs: number
}

export interface Cluster {
  /** The nodes that have been heard of in the last seconds, by name. */
  nodes(): Promise<ClusterNode[]>
  /** Stops saying that this node is there, and says that it goes. Does not throw. */
  leave(): Promise<void>
}

const KEY = 'nodes'
const HEARTBEAT_MS = 1_000
const ALIVE_MS = 3_500
const FORGOTTEN_MS = 60_000

/**
 * Which nodes share this Redis: each writes a heartbeat to the hash `nodes`, stamped with Redis's own clock, so nodes
 * whose clocks differ still agree on who is alive.
 */
export function joinCluster(
  redis: RedisConnection,
  { name, requestsAnswered }: { name: string; requestsAnswered: () => number },
  log: Logger,
): Cluster {
  async function beat(): Promise<void> {
    const askedAt = performance.now()
    const seenAt = await redisNow(redis)
    const answeredAt = performance.now()
    const heartbeat = JSON.stringify({
      seenAt,
      // The clock of `performance` starts with the process.
      uptimeSeconds: Math.floor(answeredAt / 1000),
      requests: requestsAnswered(),
      redisMs: Number((answeredAt - askedAt).toFixed(2)),
    })
    await redis.run((client) => client.hSet(KEY, name, heartbeat))
  }

  // A missed beat needs no line of its own: the connection has already said what is wrong.
  const tryToBeat = () =>
    void beat().catch((error: unknown) => log.debug({ reason: String(error) }, 'Heartbeat missed'))
  tryToBeat()
  const timer = setInterval(tryToBeat, HEARTBEAT_MS)
  timer.unref()

  return {
    async nodes() {
      const [now, heartbeats] = await Promise.all([redisNow(redis), redis.run((client) => client.hGetAll(KEY))])
      const alive: ClusterNode[] = []
      const forgotten: string[] = []
      for (const [node, json] of Object.entries(heartbeats)) {
        const { seenAt, ...heartbeat } = heartbeatSchema.parse(JSON.parse(json))
        if (now - seenAt > FORGOTTEN_MS) forgotten.push(node)
        else if (now - seenAt <= ALIVE_MS) {
          alive.push({ name: node, ...heartbeat })
        }
      }
      if (forgotten.length > 0) await redis.run((client) => client.hDel(KEY, forgotten))
      return alive.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
    },

    async leave() {
      clearInterval(timer)
      await redis.run((client) => client.hDel(KEY, name)).catch(() => {})
    },
  }
}
