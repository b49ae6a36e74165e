import type { SessionBase } from './session-base.ts'
import { absoluteEndOf, iso, isReplaced } from './session-record.ts'
import type { Rotation } from './session-store.ts'
import { newSalt, successorOf } from './session-token.ts'
import type { SessionWriter } from './session-writer.ts'
import type { Living, Outcome } from './trail.ts'

export type TokenRotation = ReturnType<typeof createRotation>

/**
 * Replaces tokens. Three steps, each on one key, each safe to repeat, and a crash after any of them loses nothing:
 *
 *     rotate    T1 session                     T2 session, unconfirmed
 *               T1 pointer to T2               both work, and each response to T1 contains T2
 *     first use of T2 (confirm)
 *               T1 pointer to T2, retired      T1 works for the grace, then its use ends the session
 *               T2 session
 *
 * A crash in between leaves T2 unconfirmed, and its next use completes the steps. test/unit/rotation-model.test.ts runs all
 * orders of events.
 */
export function createRotation(base: SessionBase, writer: SessionWriter) {
  const { redis, nameOf, nowAt, trail, values, index, times } = base
  const confirm = createFirstUse(base)

  /**
   * First writes the session under its new name, whose token no client has yet. Then the old key becomes a pointer to it, if
   * it still holds what was read. Otherwise a logout or another rotation was first, and the new session is deleted.
   */
  async function replace(token: string, { name, json, record }: Living): Promise<string | undefined> {
    const salt = newSalt()
    const successor = successorOf(token, salt)
    const newName = nameOf(successor)
    const now = await nowAt(newName)
    await writer.write(newName, { ...record, rotatedAt: iso(now), unconfirmed: { name, salt } }, now)
    const pointer = { replacedBy: newName, salt }
    const isDone = await values.replace(name, json, pointer, Math.min(times.ttlMs, absoluteEndOf(record) - now))
    if (!isDone) await writer.end(newName)
    else await index.drop(record.user.username, [name])
    return isDone ? successor : undefined
  }

  return {
    confirm,

    /**
     * Undefined if the token has no session, or its grace is over. Also while replicas do not confirm writes: a failover could
     * then lose the new token, and the old one still works.
     */
    async rotate(token: string): Promise<Rotation | undefined> {
      if (redis.isLacking()) return undefined
      const name = nameOf(token)
      return trail.walk(name, values.read, async (living): Promise<Outcome<Rotation>> => {
        if (living.isReuse) return { result: undefined }
        if (living.passed.length > 0) {
          // The request that has replaced the token may not have heard of a replica that knows it. One primary replicates both
          // keys in order. In a cluster they are at two: without the pointer, the old token would be a session of its own.
          const written = redis.isOrdered ? [living.name] : [...living.passed.map(({ name: at }) => at), living.name]
          await Promise.all(written.map((at) => redis.settle(redis.keys.session(at))))
          const newest = living.passed.reduce((older, { pointer }) => successorOf(older, pointer.salt), token)
          return { result: { token: newest, isFirst: false } }
        }
        const confirmed = await confirm(living)
        const successor = confirmed && (await replace(token, confirmed))
        return successor === undefined ? { changedAt: name } : { result: { token: successor, isFirst: true } }
      })
    },
  }
}

/**
 * Returns a function to be called when the newest token is used. If this is its first use, the token before it is retired. It
 * returns undefined if the session has changed meanwhile.
 */
function createFirstUse({ redis, nowAt, values, times }: SessionBase) {
  /** A key that has changed since it was read was retired by another request. */
  async function retire({ name, record }: Living, older: { name: string; salt: string }, now: number): Promise<void> {
    const found = await values.readNow(older.name)
    if (!found) return
    const { json, value } = found
    // A session: Redis was killed during a rotation, has the first of its two writes and has lost the second.
    const isOurs = isReplaced(value) ? value.replacedBy === name : value.id === record.id
    if (!isOurs) return
    if (isReplaced(value) && value.retiredAt !== undefined) return settleRetired(older.name)
    const pointer = { replacedBy: name, salt: older.salt, retiredAt: iso(now) }
    const ttlMs = Math.min(times.rememberedMs, absoluteEndOf(record) - now)
    const retired = await (redis.isOrdered ? values.swap : values.replace)(older.name, json, pointer, ttlMs)
    // Another request was first. Its write may still wait for a replica.
    if (retired === undefined) await settleRetired(older.name)
  }

  /**
   * In a cluster, the older token is at another server than the session, which is confirmed next. If only the confirmation
   * survived a failover, the older token would never be retired. One server replicates both in order.
   */
  const settleRetired = async (name: string) => {
    if (!redis.isOrdered) await redis.settle(redis.keys.session(name))
  }

  return async (living: Living): Promise<Living | undefined> => {
    const { unconfirmed, ...confirmed } = living.record
    // In a cluster it waits for a replica, and can wait for the next use.
    if (!unconfirmed || (!redis.isOrdered && redis.isLacking())) return living
    const now = await nowAt(living.name)
    // In a cluster, each token's grace is measured by the server that has the token.
    await retire(living, unconfirmed, redis.isOrdered ? now : await nowAt(unconfirmed.name))
    const ttlMs = Math.min(times.ttlMs, absoluteEndOf(confirmed) - now)
    const json = await values.swap(living.name, living.json, confirmed, ttlMs)
    return json === undefined ? undefined : { ...living, json, value: confirmed, record: confirmed }
  }
}
