import type { Request, Response } from 'express'
import type { Journal } from '../events/journal.ts'
import type { Session, SessionStore } from '../sessions/session-store.ts'
import { fingerprintOf } from '../sessions/session-token.ts'
import type { SessionCookie } from './session-cookie.ts'

interface Parts {
  cookie: SessionCookie
  sessions: SessionStore
  journal: Journal
}

/** Replaces the token of a session, and sends the new one to the browser. If Redis rejects that, the session stays as it is. */
export function createTokenRotation({ cookie, sessions, journal }: Parts) {
  return async (req: Request, res: Response, token: string, session: Session): Promise<Session> => {
    try {
      const rotation = await sessions.rotateSession(token)
      if (!rotation) return session
      cookie.set(req, res, rotation.token)
      const { id, user } = session
      if (rotation.isFirst) {
        const fingerprint = fingerprintOf(rotation.token)
        await journal.record(req.log, { type: 'rotated', user: user.username, sessionId: id, fingerprint })
      }
      return (await sessions.peekSession(rotation.token)) ?? session
    } catch (error) {
      // The old token remains valid. The next request tries again.
      req.log.warn({ sessionId: session.id, reason: String(error) }, 'Failed to replace a session token')
      return session
    }
  }
}
