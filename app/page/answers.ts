/** What the nodes answer: docs/ and the README have the contract. */

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
  /** How its key in Redis begins; empty where no Redis has it. */
  keyHint: string
}

export interface ListedSession extends Session {
  lastSeenAt: string
  address: string
  agent: string
  current: boolean
}

/** All that any of the addresses answers with; which parts are there depends on the address and the status. */
export interface Body {
  user?: User
  session?: Session
  sessions?: ListedSession[]
  nodes?: { name: string; state: 'up' | 'suspect' | 'draining' }[]
  title?: string
  detail?: string
  /** Why the session ended, where the server knows. */
  reason?: string
}

export interface Answer {
  /** 0: nobody answered. */
  status: number
  servedBy: string
  retryAfterSeconds: number
  body: Body
}

/** One thing that happened, as the feed tells it. */
export interface FeedEvent {
  type: string
  node: string
  at: string
  user?: string
  sessionId?: string
  by?: string
  /** It happened before the page began to listen, or while it was away. */
  isReplayed: boolean
}
