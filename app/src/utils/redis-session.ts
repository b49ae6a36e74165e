import type { Logger } from '../logger.ts'
import { redisNow } from '../redis/clock.ts'
import type { Renewed } from '../redis/compare-and-set.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { createRecentSessions } from '../sessions/recent-sessions.ts'
import { createRecordSeal } from '../sessions/record-seal.ts'
import { createRotation } from '../sessions/rotation.ts'
import { iso, isReplaced, type SessionRecord, toRecord, type User } from '../sessions/session-record.ts'
import type { EndedSession, Login, Rotation, Session, SessionOptions, SessionStore } from '../sessions/session-store.ts'
import { fingerprintOf, isToken, keyName, newToken } from '../sessions/session-token.ts'
import { createSessionValues, type FoundNow } from '../sessions/session-values.ts'
import { createSessionsOfUser, type LivingSession } from '../sessions/sessions-of-user.ts'
import { tokenSince, toSession } from '../sessions/to-session.ts'
import { follow, type Living } from '../sessions/trail.ts'
import { createUserIndex } from '../sessions/user-index.ts'

/**
 * A session that changes while it is read or ended is looked at again. A rotation is one change and the first use of a token
 * two, and there is time for two of each within a grace.
 */
const MOST_LOOKS = 8

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
  const seal = createRecordSeal({ keys: options.sealKeys ?? [] }, log)
  const values = createSessionValues(redis, { keyForm: options.keyForm, seal, recent }, log)
  const index = createUserIndex(redis, { absoluteMs }, log)
  const ofUser = createSessionsOfUser({ index, readLiving, end })
  const sessionKey = redis.keys.session
  const nameOf = (token: string) => keyName(options.keyForm, token)
  const times = { ttlMs, rotateMs, graceMs: options.rotateGraceSeconds * 1000 }
  const rotation = createRotation({ redis, values, nameOf, times, write, end, drop: index.drop }, log)

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
    const json = values.encode(name, record)
    // Sent together, and done in this order: one connection keeps it.
    const [, size] = await Promise.all([
      redis.run((client) => client.set(sessionKey(name), json, { expiration: { type: 'PXAT', value: expiresAt } })),
      index.add(record.user.username, { name, endsAt }, now),
    ])
    return { session: remember(name, json, record, { nowMs: now, endsMs: expiresAt }), size }
  }

  async function getSession(token: string | undefined): Promise<Session | undefined> {
    if (!isToken(token)) return undefined
    const name = nameOf(token)
    for (let look = 0; look < MOST_LOOKS; look++) {
      const json = await redis.get(sessionKey(name))
      const known = json === null ? undefined : recent.find(name, json)
      if (known) return known
      const living = await follow(name, async (at) => (at === name ? values.decode(at, json) : values.read(at)))
      if (!living || (await rotation.isPastGrace(living.passed))) return undefined
      const session = living.passed.length === 0 ? await useNewest(living) : await useReplaced(living)
      if (session) return session
      // Since it was read it has ended, or its token was replaced or used for the first time.
    }
    return undefined
  }

  async function useNewest(living: Living): Promise<Session | undefined> {
    const confirmed = await rotation.confirm(living)
    return confirmed && renew(confirmed.name, confirmed.found.json, confirmed.record)
  }

  /** The pointer to a token that was never used has to last as long as the session that it leads to. */
  async function useReplaced({ name, found: { json }, record, passed }: Living): Promise<Session | undefined> {
    const times = { ttlMs, renewMs, latestEndMs: Date.parse(record.absoluteExpiresAt) }
    for (const older of passed.filter(({ pointer }) => pointer.retiredAt === undefined)) {
      const prolonged = values.prolong(older.name, older.json, times)
      const isThere = await prolonged.then(Boolean, () => values.isUnchanged(older.name, older.json))
      if (!isThere) return undefined
    }
    const session = recent.find(name, json) ?? (await renew(name, json, record))
    return session && { ...session, isRotationDue: true }
  }

  /** Prolongs the session by its idle timeout, up to its absolute end. Undefined if it is no longer what was read. */
  async function renew(name: string, json: string, record: SessionRecord): Promise<Session | undefined> {
    const latestEndMs = Date.parse(record.absoluteExpiresAt)
    try {
      const renewed = await values.prolong(name, json, { ttlMs, renewMs, latestEndMs })
      if (!renewed) return undefined
      const session = remember(name, json, record, renewed)
      return { ...session, isRotationDue: renewed.nowMs - tokenSince(record) >= rotateMs }
    } catch (error) {
      // A renewal is a write, so a full disk refuses it while reads go on. Better a session that ends early than an error;
      // but only if Redis, and not this node's memory, says that it is still there.
      if (!(await values.isUnchanged(name, json))) return undefined
      log.warn({ sessionId: record.id, reason: String(error) }, 'Session was not renewed')
      const expiresAt = Math.min(tokenSince(record) + ttlMs, latestEndMs)
      const session = toSession(record, { key: sessionKey(name), name, ttlMs, expiresAt })
      if (record.unconfirmed === undefined) recent.remember(name, json, session, renewMs)
      return session
    }
  }

  /**
   * Keeps what need not be asked again until the next renewal is due, or the session has ended. The first use of a token
   * has to be asked for.
   */
  function remember(name: string, json: string, record: SessionRecord, { nowMs, endsMs }: Renewed): Session {
    const session = toSession(record, { key: sessionKey(name), name, ttlMs, expiresAt: endsMs })
    const isAtAbsoluteEnd = endsMs === Date.parse(record.absoluteExpiresAt)
    const renewedAgoMs = isAtAbsoluteEnd ? 0 : nowMs + ttlMs - endsMs
    if (record.unconfirmed === undefined)
      recent.remember(name, json, session, Math.min(renewMs - renewedAgoMs, endsMs - nowMs))
    return session
  }

  async function rotateSession(token: string): Promise<Rotation | undefined> {
    return isToken(token) ? rotation.rotate(token) : undefined
  }

  async function peekSession(token: string | undefined): Promise<Session | undefined> {
    if (!isToken(token)) return undefined
    const living = await follow(nameOf(token), values.readNow)
    return living && !(await rotation.isPastGrace(living.passed)) ? asLiving(living).session : undefined
  }

  async function deleteSession(token: string | undefined): Promise<EndedSession | undefined> {
    return isToken(token) ? end(nameOf(token)) : undefined
  }

  async function endReused(token: string | undefined): Promise<EndedSession | undefined> {
    return isToken(token) ? end(nameOf(token), { onlyIfReused: true }) : undefined
  }

  /**
   * Ends what lives under this name, or under the one that it leads to. Undefined if nothing does. Pointers stay: if this
   * is cut off, the next one must find the way.
   */
  async function end(name: string, { onlyIfReused = false } = {}): Promise<EndedSession | undefined> {
    let isReuse = false
    for (let look = 0; look < MOST_LOOKS; look++) {
      const living = await follow(name, values.readNow)
      isReuse ||= living !== undefined && (await rotation.isPastGrace(living.passed))
      if (!living || (onlyIfReused && !isReuse)) return undefined
      // One command: of two logouts at once only one finds the session, and no read in between sees half of it.
      const taken = await values.take(living.name)
      if (!taken) return undefined
      if (!isReplaced(taken.value)) {
        const { id, user } = taken.value
        await index.drop(user.username, [living.name])
        return { id, username: user.username, ...(isReuse && { isReuse: true }) }
      }
      // Its token was replaced since it was read.
      name = taken.value.replacedBy
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
    const living = await follow(name, values.readNow)
    return living && asLiving(living)
  }

  function asLiving({ name, found: { expiresAt }, record }: Living<FoundNow>): LivingSession {
    return { name, session: toSession(record, { key: sessionKey(name), name, ttlMs, expiresAt }) }
  }

  async function isFresh(session: Session): Promise<boolean> {
    return (await redisNow(redis)) - Date.parse(session.createdAt) < options.freshSeconds * 1000
  }

  return {
    setSession,
    getSession,
    peekSession,
    deleteSession,
    endReused,
    getUserFromSession,
    rotateSession,
    listSessions,
    revokeSession,
    revokeSessions,
    isFresh,
  }
}
