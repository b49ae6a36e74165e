import type { Session } from '../sessions/session-store.ts'

/** What a client may know of its session: everything but the token, which is not in it to begin with. */
export function publicView({ id, createdOn, createdAt, expiresAt, absoluteExpiresAt }: Session) {
  return { id, createdOn, createdAt, expiresAt, absoluteExpiresAt }
}

/** One line of a user's list of sessions: enough to tell which of them is not one's own. */
export function listView(session: Session, current: Session) {
  const { lastSeenAt, address, agent } = session
  return { ...publicView(session), lastSeenAt, address, agent, current: session.id === current.id }
}
