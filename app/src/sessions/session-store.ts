import type { DataChange, Session, SessionData, User } from './session-record.ts'
import type { KeyForm } from './session-token.ts'

export type { Session }

/** A session that this call ended. */
export interface EndedSession {
  id: string
  username: string
  /** The call had a replaced token whose grace was over. An attacker may have copied that token. */
  isReuse?: true
}

export interface SessionOptions {
  /** Idle timeout: the TTL of the key. */
  ttlSeconds: number
  /** Absolute timeout, from the login: no use extends a session past it. */
  absoluteSeconds: number
  /** Each node renews the TTL of a session in use at most once in this time. 0 renews it on every read. */
  renewSeconds: number
  /** A token of this age is replaced. 0 keeps it as long as the session lasts. */
  rotateSeconds: number
  /**
   * How long a replaced token still works after the first use of the new one, for requests that are under way with it.
   * Until that first use it works as well: the response with the new one may have been lost.
   */
  rotateGraceSeconds: number
  /** How many sessions a user may have. One more evicts the oldest. */
  maxPerUser: number
  /** For how long after the login a session may revoke the others of its user without another login. */
  freshSeconds: number
  keyForm: KeyForm
  /** The keys that seal records: see record-seal.ts. Without any, records are not sealed. */
  sealKeys?: readonly string[]
  /** Name of the node, kept as `createdOn`. */
  node: string
}

/** How many tokens of one session are remembered after they were replaced. */
export const MOST_REPLACED = 60

export type SessionTimes = ReturnType<typeof toSessionTimes>

/** The timeouts of a session, in milliseconds. */
export function toSessionTimes(options: SessionOptions) {
  const ttlMs = options.ttlSeconds * 1000
  const rotateMs = options.rotateSeconds === 0 ? Number.POSITIVE_INFINITY : options.rotateSeconds * 1000
  const graceMs = options.rotateGraceSeconds * 1000
  return {
    ttlMs,
    rotateMs,
    graceMs,
    absoluteMs: options.absoluteSeconds * 1000,
    freshMs: options.freshSeconds * 1000,
    // With a very short idle timeout, the usual pause between renewals would let a session in use expire.
    renewMs: Math.min(options.renewSeconds * 1000, Math.floor(ttlMs / 4)),
    /** How long a retired token is remembered: the idle timeout, but only the last MOST_REPLACED tokens. */
    rememberedMs: Math.max(graceMs, Math.min(ttlMs, MOST_REPLACED * rotateMs)),
  }
}

export interface Login {
  /** The client's address and User-Agent, for the user's own list of sessions. */
  address?: string
  agent?: string
  /** The token that the login request had: its session ends. */
  replaces?: string | undefined
  /** The time of Redis when the login began, in milliseconds since 1970. Without it, the store queries Redis. */
  startedAt?: number
  /**
   * Called when the session is written, and before any other ends. If it throws, the new session is deleted, nothing else
   * changes, and its error is thrown.
   */
  confirm?: () => Promise<void>
}

export interface Rotation {
  token: string
  /** This call replaced the token, and not another one shortly before. */
  isFirst: boolean
}

export interface NewSession {
  token: string
  session: Session
  replaced: EndedSession | undefined
  ended: EndedSession[]
}

/**
 * Sessions, shared by all nodes. Functions return undefined for a token that is missing, malformed, or has no living session.
 * Every function throws `RedisUnavailable` when Redis cannot answer, and but for `updateSession` for no other reason.
 */
export interface SessionStore {
  /**
   * Starts a session. The token is the secret for the cookie. `replaced` is the session that the login request had, and
   * `ended` are those that were evicted at the session limit.
   */
  setSession(user: User, login?: Login): Promise<NewSession>
  /** Reads a session and counts as a use of it. */
  getSession(token: string | undefined): Promise<Session | undefined>
  /** Reads a session without counting as a use of it, so it does not extend the session. */
  peekSession(token: string | undefined): Promise<Session | undefined>
  /** Ends a session for every node at once. Undefined if there was none. */
  deleteSession(token: string | undefined): Promise<EndedSession | undefined>
  /**
   * Ends the session of a replaced token whose grace is over. Call it with a token that has no session. For every other
   * token it does nothing and returns undefined.
   */
  endReused(token: string | undefined): Promise<EndedSession | undefined>
  getUserFromSession(token: string | undefined): Promise<User | undefined>
  /**
   * Changes the data of a session, and returns the changed data. Of many calls at once, on any nodes, each change is kept. It
   * does not extend the session.
   * @throws {DataTooLarge} {DataConflict} or what `change` throws: nothing was changed
   */
  updateSession(token: string | undefined, change: DataChange): Promise<SessionData | undefined>
  /** Replaces the token. Of many calls at once one does it, and all return the same new token. */
  rotateSession(token: string): Promise<Rotation | undefined>
  /** All sessions of a user, newest login first. Does not count as a use of them. */
  listSessions(username: string): Promise<Session[]>
  /** Ends a user's session by its id. Undefined if this user has no such session. */
  revokeSession(username: string, id: string): Promise<EndedSession | undefined>
  /** Ends all sessions of a user but the one with the id `except`. Returns those that it ended. */
  revokeSessions(username: string, except?: string): Promise<EndedSession[]>
  /** Whether the login is recent enough for actions that a stolen or unattended session must not do. */
  isFresh(session: Session): Promise<boolean>
}
