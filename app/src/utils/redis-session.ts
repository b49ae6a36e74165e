import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Logger } from '../logger.ts'
import { redisNow } from '../redis/clock.ts'
import type { RedisConnection } from '../redis/connection.ts'

/** Who a session belongs to, as everybody may see it. */
export const userSchema = z.object({ username: z.string(), displayName: z.string() })
export type User = z.infer<typeof userSchema>

/** What is kept under `session:<token>`. Times are Redis's, as ISO 8601, so that `GET` shows something readable. */
const recordSchema = z.object({
  user: userSchema,
  createdOn: z.string(),
  createdAt: z.iso.datetime(),
  absoluteExpiresAt: z.iso.datetime(),
})
type SessionRecord = z.infer<typeof recordSchema>

export interface Session extends SessionRecord {
  /** Public name of the session, derived from the token: safe to show, to log, and to end the session by. */
  id: string
  /** When it ends if it is not used again. May be a few seconds early, never late: see `renewSeconds`. */
  expiresAt: string
}

export interface SessionOptions {
  /** Idle timeout: the TTL of the key. */
  ttlSeconds: number
  /** Absolute timeout: no use prolongs a session past this, counted from the login. */
  absoluteSeconds: number
  /** The TTL of a session in use is renewed by each node at most once in this time. 0 renews on every read. */
  renewSeconds: number
  /** Name of the node, kept as `createdOn`. */
  node: string
}

/**
 * Sessions, shared by all nodes. A token that is missing, malformed, expired or ended gives undefined (or false).
 * Every function throws `RedisUnavailable` when Redis cannot answer, and for no other reason.
 */
export interface SessionStore {
  /** Starts a session. The token is the secret for the cookie; this is the only time it is handed out. */
  setSession(user: User): Promise<{ token: string; session: Session }>
  /** Reads a session and counts as a use of it. */
  getSession(token: string | undefined): Promise<Session | undefined>
  /** Ends a session for every node at once. False if there was none. */
  deleteSession(token: string | undefined): Promise<boolean>
  getUserFromSession(token: string | undefined): Promise<User | undefined>
  /** All sessions of a user, newest first. Does not count as a use of them. */
  listSessions(username: string): Promise<Session[]>
  /** Ends a user's session by its id. False if this user has no such session. */
  revokeSession(username: string, id: string): Promise<boolean>
}

/** 32 random bytes in base64url: OWASP ASVS 5.0, 7.2.3 asks for 128 bits of entropy, this is 256. */
const newToken = () => randomBytes(32).toString('base64url')
const TOKEN_SHAPE = /^[A-Za-z0-9_-]{43}$/

export const sessionId = (token: string) => createHash('sha256').update(token).digest('base64url').slice(0, 22)

const sessionKey = (token: string) => `session:${token}`
const indexKey = (username: string) => `user-sessions:${username}`

const RENEWALS_REMEMBERED = 50_000
/** An index entry this young may belong to a login that is still under way: it is not pruned. */
const UNSETTLED_MS = 10_000

/**
 * The session store in Redis, and the only writer of its keys:
 *
 *     session:<token>        JSON, TTL = what is left of the session. A session lives exactly as long as this key.
 *     user-sessions:<user>   sorted set of tokens by absolute end. An index: it may name sessions that have ended.
 *
 * The two lie in different slots of a Redis Cluster, so nothing relies on both changing together. A login writes the
 * index first, a logout deletes the session first: what a crash in between leaves is an entry that is pruned when read.
 */
export function createSessionStore(redis: RedisConnection, options: SessionOptions, log: Logger): SessionStore {
  const ttlMs = options.ttlSeconds * 1000
  const absoluteMs = options.absoluteSeconds * 1000
  // Under a very short idle timeout the usual pause between renewals would let a session in use expire.
  const renewals = createRenewalMemory(Math.min(options.renewSeconds * 1000, ttlMs / 4))

  async function setSession(user: User) {
    const token = newToken()
    const now = await redisNow(redis)
    const absoluteEnd = now + absoluteMs
    const expiresAt = now + Math.min(ttlMs, absoluteMs)
    const record: SessionRecord = {
      user: { username: user.username, displayName: user.displayName },
      createdOn: options.node,
      createdAt: iso(now),
      absoluteExpiresAt: iso(absoluteEnd),
    }
    const index = indexKey(user.username)
    await redis.run((client) =>
      Promise.all([
        client.zAdd(index, { score: absoluteEnd, value: token }),
        client.zRemRangeByScore(index, '-inf', now),
        client.pExpireAt(index, absoluteEnd),
      ]),
    )
    await redis.run((client) =>
      client.set(sessionKey(token), JSON.stringify(record), { expiration: { type: 'PXAT', value: expiresAt } }),
    )
    renewals.remember(token, expiresAt)
    return { token, session: toSession(token, record, expiresAt) }
  }

  async function getSession(token: string | undefined): Promise<Session | undefined> {
    if (!isToken(token)) return undefined
    const json = await redis.run((client) => client.get(sessionKey(token)))
    const record = parseRecord(token, json)
    if (!record) return undefined
    const expiresAt = renewals.recent(token) ?? (await renew(token, record))
    return expiresAt === undefined ? undefined : toSession(token, record, expiresAt)
  }

  /**
   * Prolongs the session by its idle timeout, up to its absolute end. Redis's clock decides both; neither command
   * brings back a key that is gone. Gives the new end, or undefined if the session ended meanwhile.
   */
  async function renew(token: string, record: SessionRecord): Promise<number | undefined> {
    const key = sessionKey(token)
    const absoluteEnd = Date.parse(record.absoluteExpiresAt)
    try {
      const [, , expiresAt] = await redis.run((client) =>
        client.multi().pExpire(key, ttlMs).pExpireAt(key, absoluteEnd, 'LT').pExpireTime(key).execTyped(),
      )
      // -2: the key went away between the read and now.
      if (expiresAt < 0) return undefined
      renewals.remember(token, expiresAt)
      return expiresAt
    } catch (error) {
      // A renewal is a write, so a full disk refuses it while reads go on. Better a session that ends early than an error.
      log.warn({ sessionId: sessionId(token), reason: String(error) }, 'Session was not renewed')
      const earliestEnd = Math.min(Date.parse(record.createdAt) + ttlMs, absoluteEnd)
      renewals.remember(token, earliestEnd)
      return earliestEnd
    }
  }

  async function deleteSession(token: string | undefined): Promise<boolean> {
    if (!isToken(token)) return false
    // One command: of two logouts at once only one finds the session, and no read in between sees half of it.
    const json = await redis.run((client) => client.getDel(sessionKey(token)))
    renewals.forget(token)
    if (json === null) return false
    const record = parseRecord(token, json)
    if (record) await dropFromIndex(record.user.username, [token])
    return true
  }

  async function getUserFromSession(token: string | undefined): Promise<User | undefined> {
    return (await getSession(token))?.user
  }

  async function listSessions(username: string): Promise<Session[]> {
    return (await readIndex(username)).map(({ session }) => session)
  }

  async function revokeSession(username: string, id: string): Promise<boolean> {
    const found = (await readIndex(username)).find(({ session }) => session.id === id)
    return found ? deleteSession(found.token) : false
  }

  async function readIndex(username: string): Promise<{ token: string; session: Session }[]> {
    const [now, entries] = await Promise.all([
      redisNow(redis),
      redis.run((client) => client.zRangeWithScores(indexKey(username), 0, -1, { REV: true })),
    ])
    const found = await Promise.all(
      entries.map(async ({ value: token, score }) => {
        const [json, expiresAt] = await redis.run((client) =>
          Promise.all([client.get(sessionKey(token)), client.pExpireTime(sessionKey(token))]),
        )
        const record = parseRecord(token, json)
        return { token, score, session: record && toSession(token, record, expiresAt) }
      }),
    )
    const settledBefore = now + absoluteMs - UNSETTLED_MS
    const ended = found.filter(({ session, score }) => !session && score < settledBefore)
    if (ended.length > 0) {
      await dropFromIndex(
        username,
        ended.map(({ token }) => token),
      )
    }
    return found.flatMap(({ token, session }) => (session ? [{ token, session }] : []))
  }

  /** Best effort: an entry left behind is only an entry too many, and whoever asked has been served already. */
  async function dropFromIndex(username: string, tokens: string[]): Promise<void> {
    await redis
      .run((client) => client.zRem(indexKey(username), tokens))
      .catch((error: unknown) => log.warn({ reason: String(error) }, 'Session index was not pruned'))
  }

  function parseRecord(token: string, json: string | null): SessionRecord | undefined {
    if (json === null) return undefined
    const parsed = recordSchema.safeParse(parseJson(json))
    if (parsed.success) return parsed.data
    log.warn({ sessionId: sessionId(token) }, 'Session in Redis has an unknown form, taken as none')
    return undefined
  }

  return { setSession, getSession, deleteSession, getUserFromSession, listSessions, revokeSession }
}

/**
 * Remembers when this node last renewed which session, so that a renewal (a write, and a line in the append-only file)
 * is not made on every read. Time is measured by the monotonic clock: setting the node's clock changes nothing.
 */
function createRenewalMemory(renewMs: number) {
  const renewals = new Map<string, { at: number; expiresAt: number }>()
  return {
    recent(token: string): number | undefined {
      const renewal = renewals.get(token)
      return renewal && performance.now() - renewal.at < renewMs ? renewal.expiresAt : undefined
    },
    remember(token: string, expiresAt: number): void {
      renewals.delete(token)
      renewals.set(token, { at: performance.now(), expiresAt })
      const oldest = renewals.keys().next()
      if (renewals.size > RENEWALS_REMEMBERED && !oldest.done) renewals.delete(oldest.value)
    },
    forget(token: string): void {
      renewals.delete(token)
    },
  }
}

function toSession(token: string, record: SessionRecord, expiresAt: number): Session {
  return { id: sessionId(token), ...record, expiresAt: iso(expiresAt) }
}

const iso = (ms: number) => new Date(ms).toISOString()
const isToken = (token: string | undefined): token is string => token !== undefined && TOKEN_SHAPE.test(token)

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
