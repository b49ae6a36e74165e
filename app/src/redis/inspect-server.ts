import { ErrorReply } from 'redis'
import { z } from 'zod'
import type { RedisClient } from './create-client.ts'
import { RedisIsReplica } from './errors.ts'

/** A map in RESP3. Servers like KeyDB know further roles, for example "active-replica", that accept writes. */
const helloSchema = z.object({ role: z.string().optional() })
const REPLICAS = new Set(['replica', 'slave'])

/**
 * Queries the role of the server by HELLO, which every user who can connect may send, unlike INFO and ROLE.
 * https://redis.io/docs/latest/commands/hello/
 * @throws {RedisIsReplica}
 */
export async function requirePrimary(client: RedisClient, address: string): Promise<void> {
  const hello = helloSchema.safeParse(await client.hello())
  if (!hello.success || !REPLICAS.has(hello.data.role ?? '')) return
  throw new RedisIsReplica(
    `Redis at ${address} is a replica, so sessions cannot be written. Point REDIS_URL at the primary`,
  )
}

export interface MemoryPolicy {
  /** Undefined if this user may not send INFO, as with some managed services. */
  policy: string | undefined
  /** Set if Redis deletes keys when it is full. All session keys have a TTL, so the volatile policies evict them too. */
  warning: string | undefined
}

/** https://redis.io/docs/latest/develop/reference/eviction/ */
export async function readMemoryPolicy(client: RedisClient): Promise<MemoryPolicy> {
  const memory = await client.info('memory').catch((error: unknown) => {
    if (error instanceof ErrorReply) return ''
    throw error
  })
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1]
  const isLimited = Number(/^maxmemory:(\d+)/m.exec(memory)?.[1] ?? 0) > 0
  if (policy === undefined || policy === 'noeviction' || !isLimited) return { policy, warning: undefined }
  const what = `Redis evicts keys when it is full (maxmemory-policy ${policy})`
  return { policy, warning: `${what}: users can be signed out without a trace. Set maxmemory-policy noeviction` }
}
