import type { SessionBase } from './session-base.ts'
import type { Session } from './session-record.ts'
import type { EndedSession } from './session-store.ts'
import type { SessionWriter } from './session-writer.ts'

/** Lists and ends all sessions of one user. Each lives by its own key, and the index names them. */
export function createSessionsOfUser({ redis, trail, values, index, toSession }: SessionBase, writer: SessionWriter) {
  /**
   * The index may be older than the last rotation, so the name may be that of a replaced token. The index has no seal: a client
   * that can write to Redis may have added the session of another user.
   */
  const readOwn = (username: string, indexed: string) =>
    trail.walk(indexed, values.readNow, async ({ name, record, endsMs }) => ({
      result: record.user.username === username ? { name, session: toSession(name, record, endsMs) } : undefined,
    }))

  /** Newest login first. A session has two names during a rotation, and after it if the node died meanwhile. */
  async function readAll(username: string) {
    const indexed = await index.read(username)
    const found = await Promise.all(indexed.map((name) => readOwn(username, name)))
    const byId = new Map<string, { session: Session; names: string[] }>()
    for (const living of found) {
      if (!living) continue
      const known = byId.get(living.session.id)
      if (known) known.names.push(living.name)
      else byId.set(living.session.id, { session: living.session, names: [living.name] })
    }
    return { all: [...byId.values()], stale: indexed.filter((_name, place) => !found[place]) }
  }

  /** The entries of ended sessions, once the replicas know their end: until then a failover can bring the sessions back. */
  async function dropStale(username: string, stale: string[]): Promise<void> {
    await Promise.all(stale.map((name) => redis.settle(redis.keys.session(name))))
    await index.drop(username, stale)
  }

  return {
    async list(username: string): Promise<Session[]> {
      const { all, stale } = await readAll(username)
      // Otherwise a later call drops them.
      if (!redis.isLacking()) await dropStale(username, stale).catch(() => {})
      return all.map(({ session }) => session)
    },

    /** Ends the sessions for which `isMeant` is true. `place` is that in the list. Returns those that it ended. */
    async end(username: string, isMeant: (session: Session, place: number) => boolean): Promise<EndedSession[]> {
      const { all, stale } = await readAll(username)
      // An earlier call may have ended these, and not heard of a replica that knows it.
      await dropStale(username, stale)
      const meant = all.filter(({ session }, place) => isMeant(session, place))
      const ended = await Promise.all(
        meant.map(async ({ session, names }) => {
          const endings = await Promise.all(names.map(writer.end))
          return endings.some((one) => one !== undefined) ? [{ id: session.id, username }] : []
        }),
      )
      return ended.flat()
    },
  }
}
