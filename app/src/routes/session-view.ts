import type { Session } from '../sessions/session-store.ts'

/** What a client may know of its session: everything but the token, which is not in it to begin with. */
export function publicView(session: Session) {
  const { id, createdOn, createdAt, rotatedAt = null, expiresAt, absoluteExpiresAt, keyHint } = session
  return { id, createdOn, createdAt, rotatedAt, expiresAt, absoluteExpiresAt, keyHint }
}

/** One line of a user's list of sessions: enough to tell which of them is not one's own. */
export function listView(session: Session, current: Session) {
  const { lastSeenAt, address, agent } = session
  return { ...publicView(session), lastSeenAt, address, agent, current: session.id === current.id }
}
