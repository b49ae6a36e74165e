import type { Logger } from '../logger.ts'
import { redisNow } from '../redis/clock.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { createRotation } from '../sessions/rotation.ts'
import { createSessionBase } from '../sessions/session-base.ts'
import { createSessionData } from '../sessions/session-data.ts'
import { createSessionReader } from '../sessions/session-reader.ts'
import type { SessionOptions, SessionStore } from '../sessions/session-store.ts'
import { isToken } from '../sessions/session-token.ts'
import { createSessionWriter } from '../sessions/session-writer.ts'
import { createSessionsOfUser } from '../sessions/sessions-of-user.ts'

/**
 * The session store in Redis, and the only writer of its keys:
 *
 *     session:<token>        JSON, also with the data of the session. TTL = what is left of the session. A session lives exactly
 *                            as long as this key.
 *                            With hashed keys: session:<sha256 of the token>. The part after the colon is its name.
 *     user-sessions:<user>   sorted set of names by absolute end. An index: it may name sessions that have ended.
 *
 * KEY_PREFIX comes before both. A session key with data of another type counts as no session and is left alone. An index
 * with data of another type counts as empty, and the next login replaces it.
 *
 * The two keys lie in different slots of a Redis Cluster, so nothing relies on both changing together. A session is written
 * before its index entry and deleted before it. Its token is issued when both exist. A crash in between leaves a session
 * whose token no client has, or an index entry that the next read drops.
 *
 * A write to an existing session happens only if the session is unchanged. So no late write restores one that has ended.
 *
 * sessions/session-store.ts describes each function. They are in the order in which a session lives.
 */
export function createSessionStore(redis: RedisConnection, options: SessionOptions, log: Logger): SessionStore {
  const base = createSessionBase(redis, options, log)
  const writer = createSessionWriter(base)
  const rotation = createRotation(base, writer)
  const reader = createSessionReader(base, rotation)
  const ofUser = createSessionsOfUser(base, writer)
  const data = createSessionData(base)

  function withName<T>(token: string | undefined, act: (name: string) => Promise<T | undefined>) {
    return isToken(token) ? act(base.nameOf(token)) : Promise.resolve(undefined)
  }

  const store: SessionStore = {
    async setSession(user, { address = '', agent = '', replaces, startedAt, confirm } = {}) {
      const { token, name, session, size } = await writer.start(user, { address, agent }, startedAt)
      try {
        await confirm?.()
        // Last: if Redis fails before, the earlier session stays. If it fails afterwards, this one does. Only if no replica confirms
        // the end of the earlier one, the user has none.
        const replaced = await store.deleteSession(replaces)
        // Never this one, though it may not be the newest: SESSION_ABSOLUTE_SECONDS was longer, or another server's clock is ahead.
        // The user then has one more until the next login. To end another one instead would end too many in logins at once.
        const isTooMany = ({ id }: { id: string }, place: number) => place >= options.maxPerUser && id !== session.id
        const ending = size > options.maxPerUser ? ofUser.end(user.username, isTooMany) : Promise.resolve([])
        const ended = await ending.catch((error: unknown) => {
          if (!replaced) throw error
          log.warn({ reason: String(error) }, 'Failed to end the oldest sessions of a user. The next login ends them')
          return []
        })
        return { token, session, replaced, ended }
      } catch (error) {
        // No client gets its token.
        await writer.end(name)
        throw error
      }
    },

    getSession: (token) => withName(token, reader.use),

    getUserFromSession: async (token) => (await store.getSession(token))?.user,

    peekSession: (token) => withName(token, reader.peek),

    async isFresh({ createdAt, user }) {
      const now = await redisNow(redis, redis.keys.userSessions(user.username))
      return now - Date.parse(createdAt) < base.times.freshMs
    },

    updateSession: (token, change) => withName(token, (name) => data.update(name, change)),

    rotateSession: async (token) => (isToken(token) ? rotation.rotate(token) : undefined),

    listSessions: ofUser.list,

    revokeSession: async (username, id) => (await ofUser.end(username, (session) => session.id === id))[0],

    revokeSessions: (username, except) => ofUser.end(username, (session) => session.id !== except),

    endReused: (token) => withName(token, writer.endReused),

    deleteSession: (token) => withName(token, writer.end),
  }
  return store
}
