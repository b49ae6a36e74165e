// What the recorder keeps of the requests that it has sent, and of the sessions that it has used.
import type { Credentials, Visitor } from '../lib/visitor.ts'
import type { EndedBy } from './endings.ts'

/** Under this name the recorder's sessions are listed among a user's own. */
export const AGENT = 'chaos'

/** One request and what came of it. */
export interface Operation {
  kind: 'login' | 'ask' | 'ask-ended' | 'logout'
  startedMs: number
  tookMs: number
  /** 0: there was no answer. */
  status: number
  servedBy: string
  /** Why there was no answer. */
  error?: string
}

/** A promise that was broken: a session lost, one that came back, another user's data, a cookie taken away. */
export interface Violation {
  atMs: number
  what: 'lost' | 'returned' | 'wrong user' | 'cookie cleared'
  detail: string
}

/** What the stack did to a session by itself. It is part of the history of the session, and no loss. */
export interface StackAction {
  atMs: number
  what: EndedBy | 'rotated'
  username: string
}

export interface KnownSession {
  /** With the newest token. */
  visitor: Visitor
  account: Credentials
  id: string
  /**
   * `refused`: a request was rejected, and it has still to be found out why. `ending`: a logout was sent without an answer
   * so far. `unknown`: no claim is made.
   */
  state: 'living' | 'refused' | 'ending' | 'ended' | 'unknown'
  createdMs: number
  /** When the server acknowledged the newest change: the login, a rotation, or the end. */
  changedMs: number
  /** Each token that a rotation has replaced, and the earliest time at which that can have been. */
  replaced: Map<string, number>
  /** How many requests are under way with it, and when the last one began. */
  asking: number
  askedMs: number
}

/** A request with a living session that was rejected: why, is found out later. */
export interface Refusal {
  session: KnownSession
  operation: Operation
  token: string
  answeredMs: number
}

/** How the stack rotates tokens: SESSION_ROTATE and SESSION_ROTATE_GRACE. 0 for never. */
export interface RotationTimes {
  everyMs: number
  graceMs: number
}

const RIGHT: Record<Operation['kind'], number> = { login: 200, ask: 200, 'ask-ended': 401, logout: 204 }
export const isRight = ({ kind, status }: Pick<Operation, 'kind' | 'status'>) => status === RIGHT[kind]

/** For messages. */
export const secondsSince = (ms: number, nowMs: number) => ((nowMs - ms) / 1000).toFixed(1)
