import type { Logger } from '../logger.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { ifWrongType } from '../redis/errors.ts'

export type UserIndex = ReturnType<typeof createUserIndex>

/**
 * Which sessions a user has: the sorted set `user-sessions:<user>`, by absolute end, so the oldest login comes first. Only
 * an index: a session lives by its own key, and an entry here may name one that has ended. It is then dropped by whoever
 * comes across it.
 */
export function createUserIndex(redis: RedisConnection, { absoluteMs }: { absoluteMs: number }, log: Logger) {
  return {
    /**
     * Adds the session of this name, with its absolute end, and drops those whose end is before now (both in milliseconds
     * since 1970). Gives how many entries there are, those of sessions that ended early included.
     */
    async add(username: string, { name, endsAt }: { name: string; endsAt: number }, now: number): Promise<number> {
      const key = redis.keys.userSessions(username)
      const addEntry = () =>
        redis.run((client) =>
          Promise.all([
            client.zAdd(key, { score: endsAt, value: name }),
            client.zRemRangeByScore(key, '-inf', now),
            client.zCard(key),
            // No session of now lives longer. Its own end would not do: a rotated one ends before later logins do.
            client.pExpireAt(key, now + absoluteMs),
          ]),
        )
      const [, , size] = await ifWrongType(addEntry(), async () => {
        // Several logins may find it at once. One of them deletes it.
        if (await redis.run((client) => client.atomic.deleteUnlessSortedSet(key)))
          log.warn(
            { key },
            'Replaced a session index that held data of another type. Earlier sessions of this user are not listed',
          )
        return addEntry()
      })
      return size
    },

    /** The names of a user's sessions, newest login first. */
    async read(username: string): Promise<string[]> {
      const names = redis.run((client) => client.zRange(redis.keys.userSessions(username), 0, -1, { REV: true }))
      return ifWrongType<string[]>(names, () => [])
    },

    /** Best effort: an entry left behind is only an entry too many, and whoever asked has been served already. */
    async drop(username: string, names: string[]): Promise<void> {
      if (names.length === 0) return
      const dropped = redis.run((client) => client.zRem(redis.keys.userSessions(username), names))
      // Data of another type has no entries.
      await ifWrongType<number>(dropped, () => 0).catch((error: unknown) => {
        log.warn({ reason: String(error) }, 'Session index was not pruned')
      })
    },
  }
}
