/** What the server sends. README, "HTTP", describes it. */

export interface User {
  username: string
  displayName: string
}

export interface Session {
  id: string
  createdOn: string
  createdAt: string
  rotatedAt: string | null
  expiresAt: string
  absoluteExpiresAt: string
  /** First part of its key in Redis. Empty if the session is not in Redis. */
  keyHint: string
}

export interface ListedSession extends Session {
  lastSeenAt: string
  address: string
  agent: string
  current: boolean
}

export interface ListedNode {
  name: string
  state: 'up' | 'suspect' | 'draining'
}

/** The members of all answers. Path and status decide which of them are present. */
export interface Body {
  user?: User
  session?: Session
  sessions?: ListedSession[]
  nodes?: ListedNode[]
  data?: { basket?: { tea?: number } }
  title?: string
  detail?: string
  /** How the session ended, if the server knows. */
  reason?: string
}

export interface Answer {
  /** 0: no answer. */
  status: number
  servedBy: string
  /** The balancer tried another node before. */
  isFailedOver: boolean
  retryAfterSeconds: number
  body: Body
}

/** One event of the stream. */
export interface FeedEvent {
  /** Its place in the log. Events without a place have the id of the one before. */
  id: string
  type: string
  node: string
  at: string
  user?: string
  sessionId?: string
  /** How it ended a session: "was logged out on app-1". */
  how?: string
  /** The same to the user of this session. Only for the session of this page. */
  sentence?: string
  /** Who revoked the session, if it was not its user. */
  by?: string
  /** It happened before the page connected, or while it was disconnected. */
  isReplayed: boolean
}
