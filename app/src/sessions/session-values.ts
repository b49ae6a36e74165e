import type { Logger } from '../logger.ts'
import type { Renewed } from '../redis/compare-and-set.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { ifWrongType } from '../redis/errors.ts'
import type { RecentSessions } from './recent-sessions.ts'
import type { RecordSeal } from './record-seal.ts'
import { formatValue, parseValue, type ReplacedToken, type SessionRecord } from './session-record.ts'
import { fingerprintOfName, type KeyForm } from './session-token.ts'

/** What lies under the key of a token: the session, or a pointer to where it went. With its text, to compare it later. */
export interface Found {
  json: string
  value: SessionRecord | ReplacedToken
}

/** With the end of the key, in milliseconds since 1970. */
export type FoundNow = Found & { expiresAt: number }

export type SessionValues = ReturnType<typeof createSessionValues>

interface Parts {
  keyForm: KeyForm
  seal: RecordSeal
  recent: RecentSessions
}

/** Reads and writes single keys of sessions, by their names. Data of another type or form counts as nothing. */
export function createSessionValues(redis: RedisConnection, { keyForm, seal, recent }: Parts, log: Logger) {
  const keyOf = redis.keys.session

  const encode = (name: string, value: SessionRecord | ReplacedToken) => seal.close(name, formatValue(value))

  function decode(name: string, json: string | null): Found | undefined {
    if (json === null) return undefined
    const content = seal.open(name, json)
    if (content === undefined) return undefined
    const value = parseValue(content, () => fingerprintOfName(keyForm, name))
    if (!value) log.warn('Session in Redis has an unknown form, taken as none')
    return value && { json, value }
  }

  /** Called after the key was changed, or found to have changed. */
  function forget(name: string): void {
    recent.forget(name)
    redis.forget(keyOf(name))
  }

  return {
    encode,
    decode,
    forget,

    async read(name: string): Promise<Found | undefined> {
      return decode(name, await redis.get(keyOf(name)))
    },

    /** As Redis has it now, and not the cache. */
    async readNow(name: string): Promise<FoundNow | undefined> {
      const key = keyOf(name)
      const asked = redis.run((client) => Promise.all([client.get(key), client.pExpireTime(key)]))
      const [json, expiresAt] = await ifWrongType<[string | null, number]>(asked, () => [null, 0])
      const found = decode(name, json)
      return found && { ...found, expiresAt }
    },

    /** Removes the key and returns what it held, in one step. */
    async take(name: string): Promise<Found | undefined> {
      const taken = redis.run((client) => client.getDel(keyOf(name)))
      const json = await ifWrongType<string | null>(taken, () => null)
      forget(name)
      return decode(name, json)
    },

    /** Puts `next` in the place of what was read. Returns its text, or undefined if the key has changed meanwhile. */
    async swap(name: string, json: string, next: SessionRecord | ReplacedToken, ttlMs: number) {
      const nextJson = encode(name, next)
      // Redis refuses a TTL of nothing.
      const lastsMs = Math.max(1, Math.ceil(ttlMs))
      const swapped = redis.run((client) => client.atomic.setIfUnchanged(keyOf(name), json, nextJson, lastsMs))
      const isDone = await ifWrongType<boolean>(swapped, () => false)
      forget(name)
      return isDone ? nextJson : undefined
    },

    /** Prolongs the life of what was read: see expireIfUnchanged. Undefined if the key has changed meanwhile. */
    async prolong(name: string, json: string, times: { ttlMs: number; renewMs: number; latestEndMs: number }) {
      const renewal = redis.run((client) => client.atomic.expireIfUnchanged(keyOf(name), json, times))
      const renewed = await ifWrongType<Renewed | null>(renewal, () => null)
      if (!renewed) forget(name)
      return renewed ?? undefined
    },

    /** Whether Redis, and not this node's memory, says that the key still holds what was read. */
    async isUnchanged(name: string, json: string): Promise<boolean> {
      forget(name)
      return (await redis.get(keyOf(name))) === json
    },
  }
}
