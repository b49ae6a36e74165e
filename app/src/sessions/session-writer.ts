import type { SessionBase } from './session-base.ts'
import { absoluteEndOf, iso, isReplaced, type SessionRecord, toRecord, type User } from './session-record.ts'
import type { EndedSession } from './session-store.ts'
import { fingerprintOf, newToken } from './session-token.ts'
import type { Outcome } from './trail.ts'

export type SessionWriter = ReturnType<typeof createSessionWriter>

/** Creates sessions, and ends them by the name of any of their tokens. */
export function createSessionWriter(base: SessionBase) {
  const { redis, nameOf, nowAt, values, index, recent, times, options } = base

  /** The name must be one that no client knows yet. `size`: how many entries the index of the user has. */
  async function write(name: string, record: SessionRecord, nowMs: number) {
    const absoluteEndMs = absoluteEndOf(record)
    const endsMs = Math.min(nowMs + times.ttlMs, absoluteEndMs)
    const creating = values.create(name, record, endsMs)
    const addToIndex = () => index.add(record.user.username, { name, endMs: absoluteEndMs })
    // Sent together where the connection keeps the order: the session first, then its index entry.
    const adding = redis.isOrdered ? addToIndex() : creating.then(addToIndex)
    const [json, size] = await Promise.all([creating, adding]).catch(async (error: unknown) => {
      // No client gets its token: a failover may lose it, or Redis has executed only one of the two, or executes them late.
      await values.discard(name)
      throw error
    })
    return { session: recent.remember({ name, json, record }, { nowMs, endsMs }), size }
  }

  return {
    write,

    async start({ username, displayName }: User, origin: { address: string; agent: string }, startedAt?: number) {
      const token = newToken()
      const name = nameOf(token)
      // In a cluster, the server of this key may have another clock.
      const now = (redis.isOrdered ? startedAt : undefined) ?? (await nowAt(name))
      const { node: createdOn, absoluteSeconds } = options
      const stored = { user: { username, displayName }, createdOn, createdAt: iso(now), absoluteSeconds, ...origin }
      return { token, name, ...(await write(name, toRecord(stored, fingerprintOf(token)), now)) }
    },

    ...createSessionEnds(base),
  }
}

function createSessionEnds({ redis, trail, values, index }: SessionBase) {
  /** Pointers stay: if the node dies in between, the next call has to find the session. */
  async function endAt(name: string, { ifReused }: { ifReused: boolean }): Promise<EndedSession | undefined> {
    let isReuse = false
    let last = name
    const read = (at: string) => {
      last = at
      return values.readNow(at)
    }
    const ended = await trail.walk(name, read, async (living): Promise<Outcome<EndedSession>> => {
      isReuse ||= living.isReuse
      if (ifReused && !isReuse) return { result: undefined }
      // One command: of two logouts at once only one finds the session, and no read in between sees half of it.
      const taken = await values.take(living.name)
      if (!taken) return { result: undefined }
      // The token was replaced after it was read.
      if (isReplaced(taken.value)) return { changedAt: taken.value.replacedBy }
      const { id, user } = taken.value
      await index.drop(user.username, [living.name])
      return { result: { id, username: user.username, ...(isReuse && { isReuse }) } }
    })
    // An earlier call may have ended the session, and not heard of a replica that knows it.
    if (!ended && !ifReused) await redis.settle(redis.keys.session(last))
    return ended
  }

  return {
    /** Undefined if no session lives there. */
    end: (name: string) => endAt(name, { ifReused: false }),

    /** Does nothing unless the name is that of a replaced token whose grace is over. */
    endReused: (name: string) => endAt(name, { ifReused: true }),
  }
}
