import type { EndedSession, Session } from './session-store.ts'
import type { UserIndex } from './user-index.ts'

/** A session and the name under which it lives. */
export interface LivingSession {
  name: string
  session: Session
}

interface Parts {
  index: UserIndex
  readLiving: (name: string) => Promise<LivingSession | undefined>
  /** Undefined if nothing lives under this name any more. */
  end: (name: string) => Promise<EndedSession | undefined>
}

/** What can be done with all sessions of one user: each lives by its own key, and the index says where to look. */
export function createSessionsOfUser({ index, readLiving, end }: Parts) {
  /** Newest login first. A session has two names while its token is being replaced, and if a node died in that moment. */
  async function readAll(username: string): Promise<{ session: Session; names: string[] }[]> {
    const indexed = await index.read(username)
    // An index is not sealed. It may have been made to name the session of another user.
    const readOwn = async (name: string) => {
      const living = await readLiving(name)
      return living?.session.user.username === username ? living : undefined
    }
    const found = await Promise.all(indexed.map(readOwn))
    const byId = new Map<string, { session: Session; names: string[] }>()
    for (const living of found) {
      if (!living) continue
      const known = byId.get(living.session.id)
      if (known) known.names.push(living.name)
      else byId.set(living.session.id, { session: living.session, names: [living.name] })
    }
    await index.drop(
      username,
      indexed.filter((_name, place) => !found[place]),
    )
    return [...byId.values()]
  }

  return {
    async list(username: string): Promise<Session[]> {
      return (await readAll(username)).map(({ session }) => session)
    },

    /** Ends those that are meant, told by the session and its place in the list. Gives those that it ended. */
    async end(username: string, isMeant: (session: Session, place: number) => boolean): Promise<EndedSession[]> {
      const meant = (await readAll(username)).filter(({ session }, place) => isMeant(session, place))
      const ended = await Promise.all(
        meant.map(async ({ names }) => (await Promise.all(names.map(end))).find((one) => one !== undefined)),
      )
      return ended.filter((one) => one !== undefined)
    },
  }
}
