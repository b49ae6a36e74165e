import { randomBytes } from 'node:crypto'
import { type Session, type SessionOptions, type SessionStore, sessionId } from './redis-session.ts'

/**
 * The mistake that this project is about: each node keeps its sessions to itself. Chosen with SESSION_STORE=memory, it
 * is the control of the proofs: what they show of the Redis store, they must fail to show of this one.
 */
export function createMemorySessionStore({ ttlSeconds, absoluteSeconds, node }: SessionOptions): SessionStore {
  const sessions = new Map<string, Session>()

  const store: SessionStore = {
    async setSession(user) {
      const token = randomBytes(32).toString('base64url')
      const now = Date.now()
      const session = {
        id: sessionId(token),
        user,
        createdOn: node,
        createdAt: iso(now),
        absoluteExpiresAt: iso(now + absoluteSeconds * 1000),
        expiresAt: iso(now + Math.min(ttlSeconds, absoluteSeconds) * 1000),
      }
      sessions.set(token, session)
      return { token, session }
    },
    async getSession(token) {
      const session = token === undefined ? undefined : sessions.get(token)
      if (token === undefined || !session) return undefined
      const now = Date.now()
      if (Date.parse(session.expiresAt) <= now) {
        sessions.delete(token)
        return undefined
      }
      const expiresAt = Math.min(now + ttlSeconds * 1000, Date.parse(session.absoluteExpiresAt))
      const used = { ...session, expiresAt: iso(expiresAt) }
      sessions.set(token, used)
      return used
    },
    async deleteSession(token) {
      return token !== undefined && sessions.delete(token)
    },
    async getUserFromSession(token) {
      return (await store.getSession(token))?.user
    },
    async listSessions(username) {
      return [...sessions.values()].filter((session) => session.user.username === username).reverse()
    },
    async revokeSession(username, id) {
      for (const [token, session] of sessions) {
        if (session.id === id && session.user.username === username) return sessions.delete(token)
      }
      return false
    },
  }
  return store
}

const iso = (ms: number) => new Date(ms).toISOString()
