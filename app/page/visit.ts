import type { Session, User } from './answers.ts'
import type { Notice } from './notice.ts'
import type { PageEvents } from './page-events.ts'
import type { Trouble } from './trouble.ts'

/** `unchecked`: no node has said yet whether this browser has a session, so the page must not look logged out. */
export type Identity = 'unchecked' | 'anonymous' | 'known'

export interface Visit {
  user: User | undefined
  session: Session | undefined
  /** The login or logout of this page that is under way. Its events are no news to the page. */
  change: Promise<unknown> | undefined
  identity(): Identity
  /** A node has said that this browser has no session. */
  findNobody(): void
  /** A node has honoured this session, which may be new. */
  remember(user: User, session: Session): void
  /** The session has ended. `sentence` says how, if that is known. */
  end(sentence?: string): void
  /** Removes everything about the user and the session. `unchecked`: the nodes are others now. */
  forget(identity?: 'anonymous' | 'unchecked'): void
}

interface Parts {
  notice: Notice
  trouble: Trouble
  pageEvents: PageEvents
  /** Time of the Redis server, in milliseconds since 1970. */
  now: () => number
  onChange: () => void
  /** Nobody is logged in now. */
  onForgotten: () => void
}

/** The user and the session of this page. */
export function createVisit({ notice, trouble, pageEvents, now, onChange, onForgotten }: Parts): Visit {
  let isChecked = false

  const visit: Visit = {
    user: undefined,
    session: undefined,
    change: undefined,

    identity: () => (visit.session ? 'known' : isChecked ? 'anonymous' : 'unchecked'),

    findNobody() {
      isChecked = true
      onChange()
    },

    remember(user, session) {
      const isOther = visit.session?.id !== session.id
      visit.user = user
      visit.session = session
      isChecked = true
      if (isOther) pageEvents.publish({ kind: 'session', session })
      trouble.isOver()
    },

    end(sentence) {
      const isKnownExpired = visit.session !== undefined && isExpired(visit.session, now())
      const otherwise = isKnownExpired
        ? 'Your session expired.'
        : 'Your session no longer exists, and the server does not know why.'
      visit.forget()
      notice.show(`${sentence ?? otherwise} Log in again.`)
    },

    forget(identity = 'anonymous') {
      visit.user = undefined
      visit.session = undefined
      isChecked = identity === 'anonymous'
      pageEvents.publish({ kind: 'session', session: undefined })
      onForgotten()
      onChange()
    },
  }
  return visit
}

/** Whether the session is past its idle or absolute timeout. */
export const isExpired = ({ expiresAt, absoluteExpiresAt }: Session, now: number) =>
  Math.min(Date.parse(expiresAt), Date.parse(absoluteExpiresAt)) <= now
