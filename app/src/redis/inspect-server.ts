import { ErrorReply } from '@redis/client'
import { z } from 'zod'
import { LIBRARY, LIBRARY_NAME } from './atomic.ts'
import type { RedisClient } from './create-client.ts'
import { describe, FunctionsMissing, LacksReplicas, NO_REPLICAS, RedisIsReplica } from './errors.ts'

// What a server must have before the application uses it, and the setting that it should have.

/** A map in RESP3. Servers like KeyDB know further roles, for example "active-replica", that accept writes. */
const helloSchema = z.object({ role: z.string().optional() })
const REPLICAS = new Set(['replica', 'slave'])

/**
 * Queries the role of the server by HELLO, which every Redis user may send, unlike INFO and ROLE.
 * https://redis.io/docs/latest/commands/hello/
 * @throws {RedisIsReplica}
 */
export async function requirePrimary(client: RedisClient, address: string, advice = ''): Promise<void> {
  const hello = helloSchema.safeParse(await client.hello())
  if (!hello.success || !REPLICAS.has(hello.data.role ?? '')) return
  throw new RedisIsReplica(`Redis at ${address} is a replica, so sessions cannot be written${advice}`)
}

/**
 * Checks that the functions are loaded. Loads them if they are missing and this Redis user may. Each new connection checks,
 * because Redis may have been replaced by an empty one.
 * @throws {FunctionsMissing} that says what to do, and whatever a failed connection throws
 */
export async function requireFunctions(client: RedisClient): Promise<void> {
  const reason = await failureOf(client.atomic.functionsReady())
  if (reason === undefined) return
  if (!/\bFunction not found\b/.test(reason)) throw explain(reason)
  const refused = await failureOf(client.functionLoad(LIBRARY))
  // Another node may have been first.
  if (refused !== undefined && !/already exists/.test(refused)) throw explain(refused)
  await client.atomic.functionsReady()
}

const failureOf = (reply: Promise<unknown>) => reply.then(() => undefined, describe)

function explain(reason: string): Error {
  if (NO_REPLICAS.test(reason)) return new LacksReplicas(reason)
  if (/^NOPERM\b.*fcall/i.test(reason))
    return new FunctionsMissing('This Redis user may not call functions. Grant it: ACL SETUSER <user> +fcall')
  if (/^NOPERM\b/.test(reason))
    return new FunctionsMissing(
      `The Redis functions of this version (${LIBRARY_NAME}) are not loaded, and this Redis user may not load them. Run: make up, or as an administrator of Redis: redis-cli -x FUNCTION LOAD < app/redis/functions.lua`,
    )
  if (/unknown command/.test(reason))
    return new FunctionsMissing('This Redis has no functions. Redis 7, Valkey 7.2 or later is needed')
  return new Error(reason)
}

/**
 * Asks whether this primary has the replicas that it demands (min-replicas-to-write), by a function that may write and does
 * not. Without them, the others may have made another server the primary, which does not know this one any more.
 * @throws {LacksReplicas}
 */
export async function requireReplicas(client: RedisClient): Promise<void> {
  const reason = await failureOf(client.atomic.writable())
  // A full disk refuses writes too, and that server can still be read.
  if (reason !== undefined && NO_REPLICAS.test(reason)) throw new LacksReplicas(reason)
}

export type MemoryPolicy = Awaited<ReturnType<typeof readMemoryPolicy>>

/**
 * Reads how a full Redis behaves. `policy` is undefined if this user may not send INFO, as with some managed services. `warning`
 * is set if Redis evicts keys. All session keys have a TTL, so the volatile policies evict them too.
 * https://redis.io/docs/latest/develop/reference/eviction/
 */
export async function readMemoryPolicy(client: RedisClient) {
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
