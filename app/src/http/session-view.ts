import type { Session } from '../sessions/session-store.ts'

/** The fields of a session that its client receives. A `Session` does not contain the token. */
export function publicView(session: Session) {
  const { id, createdOn, createdAt, rotatedAt = null, expiresAt, absoluteExpiresAt, keyHint } = session
  return { id, createdOn, createdAt, rotatedAt, expiresAt, absoluteExpiresAt, keyHint }
}

/** One entry of a user's list of sessions, with what the user needs to recognise a session of somebody else. */
export function listView(session: Session, current: Session) {
  const { lastSeenAt, address, agent } = session
  return { ...publicView(session), lastSeenAt, address, agent, current: session.id === current.id }
}
