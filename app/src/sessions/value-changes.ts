import type { Renewed } from '../redis/atomic.ts'
import type { RedisConnection } from '../redis/connection.ts'
import type { KeyCommands } from './key-commands.ts'
import { absoluteEndOf, type SessionRecord, type Value } from './session-record.ts'
import type { SessionTimes } from './session-store.ts'

interface Parts {
  redis: RedisConnection
  commands: KeyCommands
  encode: (name: string, value: Value) => string
  times: SessionTimes
}

/** Changes single keys of sessions that still hold what was read. */
export function createValueChanges({ redis, commands, encode, times }: Parts) {
  const { keyOf, send, forget, change } = commands

  async function swap(name: string, json: string, next: Value, ttlMs: number, via: RedisConnection['run']) {
    const key = keyOf(name)
    const nextJson = encode(name, next)
    // Redis refuses a TTL of 0.
    const lastsMs = Math.max(1, Math.ceil(ttlMs))
    const isDone = await change(
      name,
      (client) => client.atomic.setIfUnchanged(key, json, nextJson, lastsMs),
      false,
      via,
    )
    return isDone ? nextJson : undefined
  }

  return {
    /**
     * Replaces what was read by `next`. Returns its text, or undefined if the key has changed meanwhile. For changes that may be
     * lost: the next use of the session makes them again.
     */
    swap: (name: string, json: string, next: Value, ttlMs: number) => swap(name, json, next, ttlMs, redis.run),

    /** The same, for changes on which a client relies. */
    replace: (name: string, json: string, next: Value, ttlMs: number) => swap(name, json, next, ttlMs, redis.write),

    /** The same with the TTL that the key has. Returns whether it was done. */
    async update(name: string, json: string, next: SessionRecord): Promise<boolean> {
      const key = keyOf(name)
      const nextJson = encode(name, next)
      return change(name, (client) => client.atomic.updateIfUnchanged(key, json, nextJson), false, redis.write)
    },

    /** Extends the life of a session, or of a pointer to it: see expireIfUnchanged. Undefined if the key has changed. */
    async prolong(name: string, json: string, record: SessionRecord): Promise<Renewed | undefined> {
      const key = keyOf(name)
      const renewal = { ...times, latestEndMs: absoluteEndOf(record) }
      const renewed = await send(key, (client) => client.atomic.expireIfUnchanged(key, json, renewal), null)
      if (!renewed) forget(name)
      return renewed ?? undefined
    },

    /** Whether the key still holds what was read: from Redis, and not from the cache. */
    async isUnchanged(name: string, json: string): Promise<boolean> {
      forget(name)
      return (await redis.get(keyOf(name))) === json
    },
  }
}
