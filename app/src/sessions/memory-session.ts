import { iso } from './session-record.ts'
import type { EndedSession, Session, SessionOptions, SessionStore } from './session-store.ts'
import { fingerprintOf, newToken } from './session-token.ts'

type MemoryOptions = Pick<SessionOptions, 'ttlSeconds' | 'absoluteSeconds' | 'node'>

/**
 * The mistake that this project is about: each node keeps its sessions to itself. Chosen with SESSION_STORE=memory, it
 * is the control of the proofs: what they show of the Redis store, they must fail to show of this one. It knows neither
 * rotation nor limits.
 */
export function createMemorySessionStore({ ttlSeconds, absoluteSeconds, node }: MemoryOptions): SessionStore {
  const sessions = new Map<string, Session>()

  const store: SessionStore = {
    async setSession(user, { address = '', agent = '', replaces, confirm } = {}) {
      await confirm?.()
      const token = newToken()
      const now = Date.now()
      const session: Session = {
        id: fingerprintOf(token),
        user,
        createdOn: node,
        createdAt: iso(now),
        lastSeenAt: iso(now),
        absoluteExpiresAt: iso(now + absoluteSeconds * 1000),
        expiresAt: iso(now + Math.min(ttlSeconds, absoluteSeconds) * 1000),
        address,
        agent,
        isRotationDue: false,
        keyHint: '',
      }
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
    async deleteSession(token) {
      return end(([candidate]) => candidate === token)[0]
    },
    async endReused() {
      return undefined
    },
    async getUserFromSession(token) {
      return (await store.getSession(token))?.user
    },
    async rotateSession() {
      return undefined
    },
    async listSessions(username) {
      return [...sessions.values()].filter((session) => session.user.username === username).reverse()
    },
    async revokeSession(username, id) {
      return end(([, session]) => session.user.username === username && session.id === id)[0]
    },
    async revokeSessions(username, except) {
      return end(([, session]) => session.user.username === username && session.id !== except)
    },
    async isFresh() {
      return true
    },
  }

  function end(isMeant: (entry: [string, Session]) => boolean): EndedSession[] {
    const ended = [...sessions].filter(isMeant)
    for (const [token] of ended) sessions.delete(token)
    return ended.map(([, { id, user }]) => ({ id, username: user.username }))
  }

  return store
}
