import type { TokenRotation } from './rotation.ts'
import type { SessionBase } from './session-base.ts'
import { type Session, tokenSince } from './session-record.ts'
import type { Living, Outcome } from './trail.ts'

/** Reads sessions, by the name of any of their tokens, with and without extending them. */
export function createSessionReader(base: SessionBase, rotation: TokenRotation) {
  const { trail, values, toSession, log } = base

  async function useNewest(living: Living): Promise<Session | undefined> {
    const confirmed = await rotation.confirm(living).catch((error: unknown) => {
      // Redis rejected the write. The older token continues to work, and the next use retries.
      log.warn({ sessionId: living.record.id, reason: String(error) }, 'Failed to retire a replaced token')
      return living
    })
    return confirmed && renew(base, confirmed)
  }

  /** The pointer to a token that was never used has to last as long as the session that it leads to. */
  async function useReplaced(living: Living): Promise<Session | undefined> {
    for (const { name, json, pointer } of living.passed) {
      if (pointer.retiredAt !== undefined) continue
      const prolonged = values.prolong(name, json, living.record)
      const isStored = await prolonged.then(Boolean, () => values.isUnchanged(name, json))
      if (!isStored) return undefined
    }
    const session = living.session ?? (await renew(base, living))
    return session && { ...session, isRotationDue: true }
  }

  /** Does not count as a use of the session. */
  const peek = (name: string) =>
    trail.walk(name, values.readNow, async ({ name: at, record, endsMs, isReuse }) => ({
      result: isReuse ? undefined : toSession(at, record, endsMs),
    }))

  return {
    /** Counts as a use of the session. */
    async use(name: string): Promise<Session | undefined> {
      const first = await values.read(name)
      // Usually this node renewed the session a few seconds ago. Then this read is all that a request costs.
      if (!first || first.session) return first?.session
      let hasChanged = false
      const step = async (living: Living): Promise<Outcome<Session>> => {
        if (living.isReuse) return { result: undefined }
        const session = await (living.passed.length === 0 ? useNewest(living) : useReplaced(living))
        hasChanged = session === undefined
        return session ? { result: session } : { changedAt: name }
      }
      const used = await trail.walk(name, values.read, step, first)
      // Other requests change the data of the session all the time. It lives, although this request could not renew it.
      return used ?? (hasChanged ? peek(name) : undefined)
    },

    peek,
  }
}

/** Extends the session by its idle timeout, up to its absolute end. Undefined if it has changed since it was read. */
async function renew(base: SessionBase, living: Living): Promise<Session | undefined> {
  const { values, recent, times, log } = base
  const { name, json, record } = living
  try {
    const renewed = await values.prolong(name, json, record)
    if (!renewed) return undefined
    const session = recent.remember(living, renewed)
    return { ...session, isRotationDue: renewed.nowMs - tokenSince(record) >= times.rotateMs }
  } catch (error) {
    // With a full disk, Redis rejects this write and still answers reads. An early expiry is better than an error.
    if (!(await values.isUnchanged(name, json))) return undefined
    log.warn({ sessionId: record.id, reason: String(error) }, 'Failed to renew a session')
    return recent.rememberUnrenewed(living)
  }
}
