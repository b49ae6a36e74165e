import type { SessionRecord, User } from './session-record.ts'
import type { KeyForm } from './session-token.ts'

export interface Session extends Omit<SessionRecord, 'absoluteSeconds' | 'unconfirmed'> {
  /** When it ends if it is not used again. May be a few seconds early, never late: see `renewSeconds`. */
  expiresAt: string
  /** When it was last used, to `renewSeconds`; near its absolute end, where the TTL stands still, to `rotateSeconds`. */
  lastSeenAt: string
  /** The token that was given is due to be replaced, or has been: whoever can set a cookie should `rotateSession`. */
  isRotationDue: boolean
  /** The first characters of its key in Redis, enough to find it there by hand and too few to be somebody with it. */
  keyHint: string
}

/** A session that has just been ended. */
export interface EndedSession {
  id: string
  username: string
  /** It was ended with a token that had been replaced, and whose grace was over. Somebody may have copied that token. */
  isReuse?: true
}

export interface SessionOptions {
  /** Idle timeout: the TTL of the key. */
  ttlSeconds: number
  /** Absolute timeout: no use prolongs a session past this, counted from the login. */
  absoluteSeconds: number
  /** The TTL of a session in use is renewed by each node at most once in this time. 0 renews on every read. */
  renewSeconds: number
  /** A token is replaced when it is this old; 0 keeps it for as long as the session lasts. */
  rotateSeconds: number
  /**
   * How long a replaced token still works after the first use of the new one, for requests that were under way with it.
   * Until that first use it works as well: the answer that brought the new one may have been lost.
   */
  rotateGraceSeconds: number
  /** How many sessions a user may have; one more ends the oldest. */
  maxPerUser: number
  /** For how long after the login a session may end the others of its user without another login. */
  freshSeconds: number
  keyForm: KeyForm
  /** What records are sealed with: see record-seal.ts. None, or not given: they are not sealed. */
  sealKeys?: readonly string[]
  /** Name of the node, kept as `createdOn`. */
  node: string
}

export interface Login {
  /** Where it came from and with what, for the user's own list of sessions. */
  address?: string
  agent?: string
  /** The token that the login came with: its session ends. */
  replaces?: string | undefined
  /**
   * Called when the session is written, and before it ends any other. If it throws, the new session is deleted, nothing else
   * has changed, and its error is thrown.
   */
  confirm?: () => Promise<void>
}

export interface Rotation {
  token: string
  /** It was this call that replaced the token, and not another one shortly before. */
  isFirst: boolean
}

export interface NewSession {
  token: string
  session: Session
  replaced: EndedSession | undefined
  ended: EndedSession[]
}

/**
 * Sessions, shared by all nodes. A token that is missing, malformed, expired or ended gives undefined.
 * Every function throws `RedisUnavailable` when Redis cannot answer, and for no other reason.
 */
export interface SessionStore {
  /**
   * Starts a session. The token is the secret for the cookie. `replaced` is the one that the login came with, and `ended`
   * are those of the user that had to make room.
   */
  setSession(user: User, login?: Login): Promise<NewSession>
  /** Reads a session and counts as a use of it. */
  getSession(token: string | undefined): Promise<Session | undefined>
  /** Reads a session without counting as a use of it: what looks on does not keep it alive. */
  peekSession(token: string | undefined): Promise<Session | undefined>
  /** Ends a session for every node at once. Undefined if there was none. */
  deleteSession(token: string | undefined): Promise<EndedSession | undefined>
  /**
   * Ends the session of a token that was replaced, and whose grace is over. Call it with a token that gave no session. For
   * every other token it does nothing and returns undefined.
   */
  endReused(token: string | undefined): Promise<EndedSession | undefined>
  getUserFromSession(token: string | undefined): Promise<User | undefined>
  /** Replaces the token. Of many calls at once one does it, and all give the same new token. */
  rotateSession(token: string): Promise<Rotation | undefined>
  /** All sessions of a user, newest login first. Does not count as a use of them. */
  listSessions(username: string): Promise<Session[]>
  /** Ends a user's session by its id. Undefined if this user has no such session. */
  revokeSession(username: string, id: string): Promise<EndedSession | undefined>
  /** Ends all sessions of a user but the one with the id `except`. Gives those that it ended. */
  revokeSessions(username: string, except?: string): Promise<EndedSession[]>
  /** Whether the login is recent enough for what should not be done with a session that was left open or stolen. */
  isFresh(session: Session): Promise<boolean>
}
