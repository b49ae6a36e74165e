import type { Session } from '../utils/redis-session.ts'

/** What a client may know of a session: everything but the token, which is not in it to begin with. */
export function publicView({ id, createdOn, createdAt, expiresAt, absoluteExpiresAt }: Session) {
  return { id, createdOn, createdAt, expiresAt, absoluteExpiresAt }
}
