import { iso } from './session-record.ts'
import type { EndedSession, Session, SessionOptions, SessionStore } from './session-store.ts'
import { fingerprintOf, newToken } from './session-token.ts'

/**
 * The mistake that this project is about: each node keeps its sessions in its own memory. SESSION_STORE=memory selects it as
 * the control of the proofs: they must fail with it. It has neither rotation nor limits.
 */
export function createMemorySessionStore({ ttlSeconds, absoluteSeconds, node }: SessionOptions): SessionStore {
  const sessions = new Map<string, Session>()

  function end(isMeant: (entry: [string, Session]) => boolean): EndedSession[] {
    const ended = [...sessions].filter(isMeant)
    for (const [token] of ended) sessions.delete(token)
    return ended.map(([, { id, user }]) => ({ id, username: user.username }))
  }

  const store: SessionStore = {
    async setSession(user, { address = '', agent = '', replaces, confirm } = {}) {
      await confirm?.()
      const token = newToken()
      const now = Date.now()
      const times = { createdAt: iso(now), lastSeenAt: iso(now), absoluteExpiresAt: iso(now + absoluteSeconds * 1000) }
      const origin = { user, createdOn: node, address, agent }
      const expiresAt = iso(now + Math.min(ttlSeconds, absoluteSeconds) * 1000)
      const session = { id: fingerprintOf(token), ...origin, ...times, expiresAt, isRotationDue: false, keyHint: '' }
      sessions.set(token, session)
      const replaced = await store.deleteSession(replaces)
      return { token, session, replaced, ended: [] }
    },
    async getSession(token) {
      const session = await store.peekSession(token)
      if (token === undefined || !session) return undefined
      const now = Date.now()
      const expiresAt = Math.min(now + ttlSeconds * 1000, Date.parse(session.absoluteExpiresAt))
      const used = { ...session, lastSeenAt: iso(now), expiresAt: iso(expiresAt) }
      sessions.set(token, used)
      return used
    },
    async peekSession(token) {
      const session = token === undefined ? undefined : sessions.get(token)
      if (token === undefined || !session) return undefined
      if (Date.parse(session.expiresAt) > Date.now()) return session
      sessions.delete(token)
      return undefined
    },
    deleteSession: async (token) => end(([candidate]) => candidate === token)[0],
    endReused: async () => undefined,
    async updateSession(token, change) {
      const session = await store.peekSession(token)
      if (token === undefined || !session) return undefined
      const data = change(session.data ?? {})
      sessions.set(token, { ...session, data })
      return data
    },
    getUserFromSession: async (token) => (await store.getSession(token))?.user,
    rotateSession: async () => undefined,
    listSessions: async (username) =>
      [...sessions.values()].filter((session) => session.user.username === username).reverse(),
    revokeSession: async (username, id) =>
      end(([, session]) => session.user.username === username && session.id === id)[0],
    revokeSessions: async (username, except) =>
      end(([, session]) => session.user.username === username && session.id !== except),
    isFresh: async () => true,
  }

  return store
}
