import { z } from 'zod'
import type { Logger } from '../logger.ts'
import { parseJson } from '../parse-json.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { createForeignKeyLog, foreignKey, ifWrongType } from '../redis/errors.ts'

const heartbeatSchema = z.object({
  /** The time of the Redis server, in milliseconds since 1970. */
  seenAt: z.number(),
  uptimeSeconds: z.number(),
  /** How many requests the node has answered. */
  requests: z.number(),
  /** How long the last reply of Redis to this node took. */
  redisMs: z.number(),
  state: z.enum(['up', 'draining']),
})
export type Heartbeat = z.infer<typeof heartbeatSchema>

/** The last heartbeat of each node; undefined if it is malformed, such as that of another version. */
export type Heartbeats = ReadonlyMap<string, Heartbeat | undefined>

interface Written {
  seenAt: number
  isNew: boolean
  heartbeats: Heartbeats
}

export type HeartbeatHash = ReturnType<typeof createHeartbeatHash>

/** The nodes of a cluster, as one hash in Redis. Every function throws `RedisUnavailable`. */
export function createHeartbeatHash(redis: RedisConnection, key: string, log: Logger) {
  const foreignKeyLog = createForeignKeyLog(key, log)
  return {
    /**
     * Writes a heartbeat and reads all, in one step and one round trip. `seenAt`: the time of the Redis server. `isNew`: the hash
     * did not contain the node. Undefined if another program uses the key: nothing is written.
     */
    async write(node: string, facts: Omit<Heartbeat, 'seenAt'>): Promise<Written | undefined> {
      const json = JSON.stringify(facts)
      const written = redis.run(key, (client) => client.atomic.beat(key, node, json))
      void written.then(foreignKeyLog.gone, () => {})
      const found = await ifWrongType<Awaited<typeof written> | undefined>(written, () => {
        foreignKeyLog.found()
        return undefined
      })
      return found && { seenAt: found.nowMs, isNew: found.isNew, heartbeats: parseAll(pairsOf(found.all)) }
    },
    /** Throws `ForeignKey` if another program uses the key. */
    async read(): Promise<Heartbeats> {
      const all = redis.run(key, (client) => client.hGetAll(key))
      return parseAll(Object.entries(await ifWrongType(all, () => Promise.reject(foreignKey(key)))))
    },
    /** Returns whether this call removed the node: of several nodes that try, one does. */
    remove: async (node: string) => (await redis.run(key, (client) => client.hDel(key, node))) === 1,
  }
}

const parseAll = (all: [string, string][]): Heartbeats =>
  new Map(all.map(([node, json]) => [node, parseJson(heartbeatSchema, json)]))

/** The first and the second, the third and the fourth, and so on. */
const pairsOf = (words: readonly string[]) =>
  words.flatMap((word, place): [string, string][] => (place % 2 === 0 ? [[word, words[place + 1] ?? '']] : []))
