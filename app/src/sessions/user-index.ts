import type { Logger } from '../logger.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { ifWrongType } from '../redis/errors.ts'

export type UserIndex = ReturnType<typeof createUserIndex>

/**
 * Which sessions a user has: the sorted set `user-sessions:<user>`, by absolute end, so the oldest login comes first. A
 * session lives by its own key, so an entry may name one that has ended. The next read of the list drops such an entry.
 */
export function createUserIndex(redis: RedisConnection, { absoluteMs }: { absoluteMs: number }, log: Logger) {
  return {
    /**
     * Adds the session of this name, with its absolute end in milliseconds since 1970, and drops those whose end has passed.
     * Returns the number of entries, with those of sessions that ended early.
     */
    async add(username: string, entry: { name: string; endMs: number }): Promise<number> {
      const key = redis.keys.userSessions(username)
      // No session lives longer that begins now. The end of this one may be earlier than that of later logins, if it is rotated.
      const { size, wasForeign } = await redis.write(key, (client) =>
        client.atomic.addToIndex(key, { ...entry, lastsMs: absoluteMs }),
      )
      if (wasForeign)
        log.warn(
          { key },
          'Replaced a session index that held data of another type. Earlier sessions of this user are not listed',
        )
      return size
    },

    /** The names of a user's sessions, newest login first. */
    async read(username: string): Promise<string[]> {
      const key = redis.keys.userSessions(username)
      const names = redis.run(key, (client) => client.zRange(key, 0, -1, { REV: true }))
      return ifWrongType<string[]>(names, () => [])
    },

    /** Does not throw: an entry that stays does no harm, and the next read of the list drops it. */
    async drop(username: string, names: string[]): Promise<void> {
      if (names.length === 0) return
      const key = redis.keys.userSessions(username)
      const dropped = redis.run(key, (client) => client.zRem(key, names))
      // Data of another type has no entries.
      await ifWrongType<number>(dropped, () => 0).catch((error: unknown) => {
        log.warn({ reason: String(error) }, 'Failed to prune a session index')
      })
    },
  }
}
