import type { Logger } from '../logger.ts'
import { redisNow } from '../redis/clock.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { iso, isReplaced, type SessionRecord } from './session-record.ts'
import type { Rotation } from './session-store.ts'
import { newSalt, successorOf } from './session-token.ts'
import type { SessionValues } from './session-values.ts'
import { follow, type Living, MOST_REPLACED, type Passed } from './trail.ts'

interface Parts {
  redis: RedisConnection
  values: SessionValues
  nameOf: (token: string) => string
  times: { ttlMs: number; rotateMs: number; graceMs: number }
  /** Writes a session under a new name, and its index entry. */
  write: (name: string, record: SessionRecord, now: number) => Promise<unknown>
  /** Ends what lives under this name. */
  end: (name: string) => Promise<unknown>
  /** Drops index entries. */
  drop: (username: string, names: string[]) => Promise<void>
}

/** A rotation, or a first use, that another request overtakes is looked at again. */
const MOST_TRIES = 4

/**
 * Replaces tokens. Three steps, each on one key, each safe to repeat, and a crash after any of them loses nothing:
 *
 *     rotate    T1 session                     T2 session, unconfirmed
 *               T1 pointer to T2               both work, and every answer to T1 brings T2
 *     first use of T2
 *               T1 pointer to T2, retired      T1 works for the grace, then its use ends the session
 *               T2 session
 *
 * A crash in between leaves T2 unconfirmed, and its next use does what is missing. test/unit/rotation-model.test.ts goes
 * through the orders of events.
 */
export function createRotation({ redis, values, nameOf, times, write, end, drop }: Parts, log: Logger) {
  const { ttlMs, rotateMs, graceMs } = times
  /** How long a retired token is remembered: the idle timeout, and fewer than MOST_REPLACED of them. */
  const rememberedMs = Math.max(graceMs, Math.min(ttlMs, MOST_REPLACED * rotateMs))
  const leftOf = ({ absoluteExpiresAt }: SessionRecord, now: number) => Date.parse(absoluteExpiresAt) - now

  async function rotate(token: string): Promise<Rotation | undefined> {
    for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
      const living = await follow(nameOf(token), values.read)
      if (!living || (await isPastGrace(living.passed))) return undefined
      if (living.passed.length > 0) {
        const newest = living.passed.reduce((older, { pointer }) => successorOf(older, pointer.salt), token)
        return { token: newest, isFirst: false }
      }
      const confirmed = await confirm(living)
      const successor = confirmed && (await replace(token, confirmed.found.json, confirmed.record))
      if (successor !== undefined) return { token: successor, isFirst: true }
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
    await write(newName, { ...record, rotatedAt: iso(now), unconfirmed: { name: oldName, salt } }, now)
    const pointer = { replacedBy: newName, salt }
    const isDone = await values.swap(oldName, json, pointer, Math.min(ttlMs, leftOf(record, now)))
    if (!isDone) await end(newName)
    else await drop(record.user.username, [oldName])
    return isDone ? successor : undefined
  }

  /**
   * The newest token is used. If that is for the first time, the one before it is retired. Undefined if the session has
   * changed meanwhile.
   */
  async function confirm(living: Living): Promise<Living | undefined> {
    const { name, found, record } = living
    const { unconfirmed, ...confirmed } = record
    if (!unconfirmed) return living
    const now = await redisNow(redis)
    await retire(living, unconfirmed, now)
    const json = await values.swap(name, found.json, confirmed, Math.min(ttlMs, leftOf(record, now)))
    return json === undefined ? undefined : { ...living, found: { json, value: confirmed }, record: confirmed }
  }

  /** A key that has changed since it was read was retired by another request. */
  async function retire({ name, record }: Living, older: { name: string; salt: string }, now: number): Promise<void> {
    const found = await values.readNow(older.name)
    if (!found) return
    const { json, value } = found
    // A session: Redis was killed in the middle of a rotation, has the first of its two writes and has lost the second.
    const isOurs = isReplaced(value)
      ? value.replacedBy === name && value.retiredAt === undefined
      : value.id === record.id
    if (!isOurs) return
    const pointer = { replacedBy: name, salt: older.salt, retiredAt: iso(now) }
    await values.swap(older.name, json, pointer, Math.min(rememberedMs, leftOf(record, now)))
  }

  /** Whether one of these tokens was retired so long ago that no request can be under way with it. By Redis's clock. */
  async function isPastGrace(passed: readonly Passed[]): Promise<boolean> {
    const retired = passed.flatMap(({ pointer: { retiredAt } }) => (retiredAt === undefined ? [] : [retiredAt]))
    if (retired.length === 0) return false
    const now = await redisNow(redis)
    return retired.some((at) => now - Date.parse(at) >= graceMs)
  }

  return {
    rotate,
    isPastGrace,
    /** Where Redis refuses the write, the older token goes on working too, and the next use tries again. */
    async confirm(living: Living): Promise<Living | undefined> {
      try {
        return await confirm(living)
      } catch (error) {
        log.warn({ sessionId: living.record.id, reason: String(error) }, 'A replaced token was not retired')
        return living
      }
    },
  }
}
