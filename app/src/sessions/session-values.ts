import type { Logger } from '../logger.ts'
import type { RedisConnection } from '../redis/connection.ts'
import type { RedisClient } from '../redis/create-client.ts'
import { createKeyCommands } from './key-commands.ts'
import type { RecentSessions } from './recent-sessions.ts'
import type { RecordSeal } from './record-seal.ts'
import { type Found, formatValue, parseValue, type SessionRecord, type Value } from './session-record.ts'
import type { SessionTimes } from './session-store.ts'
import { fingerprintOfName, type KeyForm } from './session-token.ts'
import { createValueChanges } from './value-changes.ts'

interface Parts {
  keyForm: KeyForm
  seal: RecordSeal
  recent: RecentSessions
  times: SessionTimes
}

/** Reads and writes single keys of sessions, by their names. Data of another type or format counts as missing. */
export function createSessionValues(redis: RedisConnection, parts: Parts, log: Logger) {
  const commands = createKeyCommands(redis)
  const { keyOf, send, forget, change } = commands
  const { encode, decode } = createCodec(parts, log)

  return {
    read: async (name: string) => decode(name, await redis.get(keyOf(name))),

    /** From Redis, and not from the cache. `endsMs`: when the key expires, in milliseconds since 1970. */
    async readNow(name: string): Promise<(Found & { endsMs: number }) | undefined> {
      const key = keyOf(name)
      const nothing: [string | null, number] = [null, 0]
      const [json, endsMs] = await send(
        key,
        (client) => Promise.all([client.get(key), client.pExpireTime(key)]),
        nothing,
      )
      const found = decode(name, json)
      return found && { ...found, endsMs }
    },

    /** Writes a key that no client knows yet. Returns its text. */
    async create(name: string, record: SessionRecord, endsMs: number): Promise<string> {
      const key = keyOf(name)
      const json = encode(name, record)
      await redis.write(key, (client) => client.set(key, json, { expiration: { type: 'PXAT', value: endsMs } }))
      return json
    },

    /** Takes `create` back. Does not throw: no client knows the name, and the key expires. */
    async discard(name: string): Promise<void> {
      const key = keyOf(name)
      await redis.undo(key, (client) => client.del(key)).catch(() => {})
      forget(name)
    },

    /**
     * Removes a session and returns it, in one step. Leaves a replaced token in place, and returns it too. The command is never
     * repeated: it would find nothing the second time.
     */
    async take(name: string): Promise<Found | undefined> {
      const take = (client: RedisClient) => client.atomic.takeSession(keyOf(name))
      const json = await change<string | null>(name, take, null, redis.write)
      return decode(name, json)
    },

    ...createValueChanges({ redis, commands, encode, times: parts.times }),
  }
}

/** Between the value of a session's key and its text in Redis. */
function createCodec({ keyForm, seal, recent }: Parts, log: Logger) {
  return {
    encode: (name: string, value: Value) => seal.close(name, formatValue(value)),

    decode(name: string, json: string | null): Found | undefined {
      if (json === null) return undefined
      const known = recent.find(name, json)
      if (known) return known
      const content = seal.open(name, json)
      if (content === undefined) return undefined
      const value = parseValue(content, () => fingerprintOfName(keyForm, name))
      if (!value) log.warn('Ignored a malformed session record')
      return value && { json, value }
    },
  }
}
