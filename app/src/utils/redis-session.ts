import type { Logger } from '../logger.ts'
import { redisNow } from '../redis/clock.ts'
import type { Renewed } from '../redis/compare-and-set.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { ifWrongType } from '../redis/errors.ts'
import { createRecentSessions } from '../sessions/recent-sessions.ts'
import {
  formatRecord,
  iso,
  isReplaced,
  parseValue,
  type ReplacedToken,
  type SessionRecord,
  toRecord,
  type User,
} from '../sessions/session-record.ts'
import type { EndedSession, Login, Rotation, Session, SessionOptions, SessionStore } from '../sessions/session-store.ts'
import {
  fingerprintOf,
  fingerprintOfName,
  isToken,
  keyName,
  newSalt,
  newToken,
  successorOf,
} from '../sessions/session-token.ts'
import { createSessionsOfUser, type LivingSession } from '../sessions/sessions-of-user.ts'
import { tokenSince, toSession } from '../sessions/to-session.ts'
import { createUserIndex } from '../sessions/user-index.ts'

/** How many replaced tokens are followed to the one that lives. A grace has room for one, a race for a second. */
const LONGEST_TRAIL = 4

/**
 * The session store in Redis, and the only writer of its keys:
 *
 *     session:<token>        JSON, TTL = what is left of the session. A session lives exactly as long as this key.
 *                            With hashed keys: session:<sha256 of the token>. The part behind the colon is its name.
 *     user-sessions:<user>   sorted set of names by absolute end. Only an index: it may name what has ended.
 *
 * KEY_PREFIX comes before both. A key with data of another type counts as no session and as no index. Such a session key
 * is left alone. Such an index is replaced by the next login.
 *
 * The two lie in different slots of a Redis Cluster, so nothing relies on both changing together. A session is written
 * before its index entry and ended before it, and its token is handed out when both are there: what a crash in between
 * leaves is a session that nobody has the token of, or an entry that is dropped when read.
 *
 * Every write to a session that is there happens only if it is unchanged, so no late one brings back what has ended.
 */
export function createSessionStore(redis: RedisConnection, options: SessionOptions, log: Logger): SessionStore {
  const ttlMs = options.ttlSeconds * 1000
  const absoluteMs = options.absoluteSeconds * 1000
  const rotateMs = options.rotateSeconds === 0 ? Number.POSITIVE_INFINITY : options.rotateSeconds * 1000
  // Under a very short idle timeout the usual pause between renewals would let a session in use expire.
  const renewMs = Math.min(options.renewSeconds * 1000, Math.floor(ttlMs / 4))
  const recent = createRecentSessions()
  const index = createUserIndex(redis, { absoluteMs }, log)
  const ofUser = createSessionsOfUser({ index, readLiving, end })
  const sessionKey = redis.keys.session
  const nameOf = (token: string) => keyName(options.keyForm, token)

  async function setSession(user: User, { address = '', agent = '', replaces, confirm }: Login = {}) {
    const token = newToken()
    const now = await redisNow(redis)
    const stored = {
      user: { username: user.username, displayName: user.displayName },
      createdOn: options.node,
      createdAt: iso(now),
      absoluteSeconds: options.absoluteSeconds,
      address,
      agent,
    }
    const record = toRecord(stored, fingerprintOf(token))
    const name = nameOf(token)
    const { session, size } = await write(name, record, now)
    await confirm?.().catch(async (error: unknown) => {
      await end(name)
      throw error
    })
    // Only now: should Redis go away in between, the user has a session that works and not none.
    const replaced = await deleteSession(replaces)
    const isTooMany = (_session: Session, place: number) => place >= options.maxPerUser
    const ended = size > options.maxPerUser ? await ofUser.end(user.username, isTooMany) : []
    return { token, session, replaced, ended }
  }

  /** Writes a session under a name that nobody knows yet, and its index entry after it. Tells the size of the index. */
  async function write(name: string, record: SessionRecord, now: number) {
    const endsAt = Date.parse(record.absoluteExpiresAt)
    const expiresAt = Math.min(now + ttlMs, endsAt)
    const json = formatRecord(record)
    // Sent together, and done in this order: one connection keeps it.
    const [, size] = await Promise.all([
      redis.run((client) => client.set(sessionKey(name), json, { expiration: { type: 'PXAT', value: expiresAt } })),
      index.add(record.user.username, { name, endsAt }, now),
    ])
    return { session: remember(name, json, record, { nowMs: now, endsMs: expiresAt }), size }
  }

  async function getSession(token: string | undefined): Promise<Session | undefined> {
    if (!isToken(token)) return undefined
    let name = nameOf(token)
    let wasReplaced = false
    for (let step = 0; step < LONGEST_TRAIL; step++) {
      const json = await redis.get(sessionKey(name))
      if (json === null) return undefined
      const known = recent.find(name, json)
      if (known) return wasReplaced ? { ...known, isRotationDue: true } : known
      const value = parse(name, json)
      if (!value) return undefined
      if (isReplaced(value)) {
        name = value.replacedBy
        wasReplaced = true
        continue
      }
      const renewed = await renew(name, json, value)
      if (renewed) return wasReplaced ? { ...renewed, isRotationDue: true } : renewed
      // Between the read and the renewal it has ended, or its token was replaced: look again.
    }
    return undefined
  }

  /** Prolongs the session by its idle timeout, up to its absolute end. Undefined if it is no longer what was read. */
  async function renew(name: string, json: string, record: SessionRecord): Promise<Session | undefined> {
    const key = sessionKey(name)
    const latestEndMs = Date.parse(record.absoluteExpiresAt)
    try {
      const renewal = redis.run((client) => client.expireIfUnchanged(key, json, { ttlMs, renewMs, latestEndMs }))
      const renewed = await ifWrongType<Renewed | null>(renewal, () => null)
      if (!renewed) {
        redis.forget(key)
        return undefined
      }
      const session = remember(name, json, record, renewed)
      return { ...session, isRotationDue: renewed.nowMs - tokenSince(record) >= rotateMs }
    } catch (error) {
      // A renewal is a write, so a full disk refuses it while reads go on. Better a session that ends early than an error;
      // but only if Redis, and not this node's memory, says that it is still there.
      redis.forget(key)
      if ((await redis.get(key)) !== json) return undefined
      log.warn({ sessionId: record.id, reason: String(error) }, 'Session was not renewed')
      const session = toSession(record, {
        key,
        name,
        ttlMs,
        expiresAt: Math.min(tokenSince(record) + ttlMs, latestEndMs),
      })
      recent.remember(name, json, session, renewMs)
      return session
    }
  }

  /** Keeps what need not be asked again until the next renewal is due, or the session has ended. */
  function remember(name: string, json: string, record: SessionRecord, { nowMs, endsMs }: Renewed): Session {
    const session = toSession(record, { key: sessionKey(name), name, ttlMs, expiresAt: endsMs })
    const isAtAbsoluteEnd = endsMs === Date.parse(record.absoluteExpiresAt)
    const renewedAgoMs = isAtAbsoluteEnd ? 0 : nowMs + ttlMs - endsMs
    recent.remember(name, json, session, Math.min(renewMs - renewedAgoMs, endsMs - nowMs))
    return session
  }

  async function rotateSession(token: string): Promise<Rotation | undefined> {
    let current = token
    for (let step = 0; step < LONGEST_TRAIL && isToken(current); step++) {
      const found = await read(nameOf(current))
      if (!found) return undefined
      if (isReplaced(found.value)) current = successorOf(current, found.value.salt)
      else if (current !== token) return { token: current, isFirst: false }
      else {
        const successor = await replace(token, found.json, found.value)
        if (successor !== undefined) return { token: successor, isFirst: true }
        // It has ended, or another request was first: look again.
      }
    }
    return undefined
  }

  /**
   * First the session under its new name, whose token nobody has yet; then the old key becomes a pointer to it, provided
   * that it still holds what was read. If not, a logout or another rotation was first, and the new one goes.
   */
  async function replace(token: string, json: string, record: SessionRecord): Promise<string | undefined> {
    const salt = newSalt()
    const successor = successorOf(token, salt)
    const [oldName, newName] = [nameOf(token), nameOf(successor)]
    const now = await redisNow(redis)
    await write(newName, { ...record, rotatedAt: iso(now) }, now)
    const pointer: ReplacedToken = { replacedBy: newName, salt }
    const turned = redis.run((client) =>
      client.setIfUnchanged(sessionKey(oldName), json, JSON.stringify(pointer), options.rotateGraceSeconds * 1000),
    )
    const isDone = await ifWrongType<boolean>(turned, () => false)
    forget(oldName)
    if (!isDone) await end(newName)
    else await index.drop(record.user.username, [oldName])
    return isDone ? successor : undefined
  }

  async function peekSession(token: string | undefined): Promise<Session | undefined> {
    return isToken(token) ? (await readLiving(nameOf(token)))?.session : undefined
  }

  async function deleteSession(token: string | undefined): Promise<EndedSession | undefined> {
    return isToken(token) ? end(nameOf(token)) : undefined
  }

  /** Ends what lives under this name, or under the one that it points to. Undefined if nothing does. */
  async function end(name: string): Promise<EndedSession | undefined> {
    for (let step = 0; step < LONGEST_TRAIL; step++) {
      // One command: of two logouts at once only one finds the session, and no read in between sees half of it.
      const taken = redis.run((client) => client.getDel(sessionKey(name)))
      const json = await ifWrongType<string | null>(taken, () => null)
      forget(name)
      const value = parse(name, json)
      if (!value) return undefined
      if (!isReplaced(value)) {
        const { username } = value.user
        await index.drop(username, [name])
        return { id: value.id, username }
      }
      name = value.replacedBy
    }
    return undefined
  }

  async function getUserFromSession(token: string | undefined): Promise<User | undefined> {
    return (await getSession(token))?.user
  }

  async function listSessions(username: string): Promise<Session[]> {
    return ofUser.list(username)
  }

  async function revokeSession(username: string, id: string): Promise<EndedSession | undefined> {
    return (await ofUser.end(username, (session) => session.id === id))[0]
  }

  async function revokeSessions(username: string, except?: string): Promise<EndedSession[]> {
    return ofUser.end(username, (session) => session.id !== except)
  }

  /** The session under this name, or under the one that it points to: the index may have been read before that was in it. */
  async function readLiving(name: string): Promise<LivingSession | undefined> {
    for (let step = 0; step < LONGEST_TRAIL; step++) {
      const key = sessionKey(name)
      const found = redis.run((client) => Promise.all([client.get(key), client.pExpireTime(key)]))
      const [json, expiresAt] = await ifWrongType<[string | null, number]>(found, () => [null, 0])
      const value = parse(name, json)
      if (!value) return undefined
      if (isReplaced(value)) name = value.replacedBy
      else return { name, session: toSession(value, { key, name, ttlMs, expiresAt }) }
    }
    return undefined
  }

  async function isFresh(session: Session): Promise<boolean> {
    return (await redisNow(redis)) - Date.parse(session.createdAt) < options.freshSeconds * 1000
  }

  async function read(name: string) {
    const json = await redis.get(sessionKey(name))
    const value = parse(name, json)
    return json !== null && value ? { json, value } : undefined
  }

  function parse(name: string, json: string | null): SessionRecord | ReplacedToken | undefined {
    if (json === null) return undefined
    const value = parseValue(json, () => fingerprintOfName(options.keyForm, name))
    if (!value) log.warn('Session in Redis has an unknown form, taken as none')
    return value
  }

  function forget(name: string): void {
    recent.forget(name)
    redis.forget(sessionKey(name))
  }

  return {
    setSession,
    getSession,
    peekSession,
    deleteSession,
    getUserFromSession,
    rotateSession,
    listSessions,
    revokeSession,
    revokeSessions,
    isFresh,
  }
}
