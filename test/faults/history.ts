// The recorder's records of its requests and sessions.
import type { Credentials } from '../support/http.ts'
import type { Visitor } from '../support/visitor.ts'
import type { EndedBy } from './endings.ts'
import type { Late } from './fault.ts'

/** The client name of the recorder's sessions in a user's session list. */
export const AGENT = 'chaos'

/** One request and its result. */
export interface Operation {
  kind: 'login' | 'ask' | 'ask-ended' | 'logout' | 'revoke' | 'revoke-ended'
  startedMs: number
  tookMs: number
  /** 0: no response. */
  status: number
  servedBy: string
  /** Why there was no response. */
  error?: string
}

/** A broken guarantee: a session lost or back after its end, another user's data, a cleared cookie, or a bare 503. */
export interface Violation {
  atMs: number
  what: 'lost' | 'lost by rotation' | 'returned' | 'wrong user' | 'cookie cleared' | 'no Retry-After'
  detail: string
}

/** A change of a session by the stack itself. It is part of the session's history and no loss. */
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
   * `refused`: a request was rejected for a reason that is not yet known. `ending`: a logout was sent and has no response
   * yet. `unknown`: the recorder expects nothing.
   */
  state: 'living' | 'refused' | 'ending' | 'ended' | 'unknown'
  createdMs: number
  /** When the server acknowledged the latest change: the login, a rotation, or the end. */
  changedMs: number
  /** Each token that a rotation has replaced, and the earliest possible time of the rotation. */
  replaced: Map<string, number>
  /** The number of requests in progress with this session, and the start of the latest one. */
  asking: number
  askedMs: number
  /** How long its slowest request took. */
  slowestMs: number
}

/** A rejected request of a live session. The recorder finds the reason later. */
export interface Refusal {
  session: KnownSession
  operation: Operation
  token: string
  answeredMs: number
}

/** The stack's rotation settings: SESSION_ROTATE and SESSION_ROTATE_GRACE. 0 for never. */
export interface RotationTimes {
  everyMs: number
  graceMs: number
}

/** What the recorder knows. All its parts add to it. */
export type Records = ReturnType<typeof createRecords>

export function createRecords(now: () => number) {
  const violations: Violation[] = []
  const actions: StackAction[] = []
  const late: Late[] = []
  const refusals: Refusal[] = []
  const sessions: KnownSession[] = []
  const violate = (what: Violation['what'], detail: string) => violations.push({ atMs: now(), what, detail })
  return { now, violations, actions, late, refusals, sessions, violate }
}

const RIGHT: Record<Operation['kind'], number> = {
  ...{ login: 200, ask: 200, 'ask-ended': 401, logout: 204, revoke: 204, 'revoke-ended': 404 },
}
export const isRight = ({ kind, status }: Pick<Operation, 'kind' | 'status'>) => status === RIGHT[kind]

/** For messages. */
export const secondsSince = (ms: number, nowMs: number) => ((nowMs - ms) / 1000).toFixed(1)
