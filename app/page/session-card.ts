import type { Session, User } from './answers.ts'
import { clockTime, duration, element } from './dom.ts'
import { createRedisCommands } from './redis-commands.ts'

export interface SessionCard {
  show(user: User, session: Session): void
  hide(): void
}

interface Parts {
  /** Time of the Redis server, in milliseconds since 1970. */
  now: () => number
  /** The session has reached its idle or absolute timeout. */
  onExpired: () => void
}

/** The user, the session and its timeouts. */
export function createSessionCard({ now, onExpired }: Parts): SessionCard {
  const showCommands = createRedisCommands()
  let shown: Session | undefined
  let longestIdleMs = 0
  let reportedFor = ''

  function tick(): void {
    if (!shown) return
    const idleMs = Date.parse(shown.expiresAt) - now()
    const absoluteMs = Date.parse(shown.absoluteExpiresAt) - now()
    countDown('idle', idleMs, longestIdleMs)
    countDown('absolute', absoluteMs, Date.parse(shown.absoluteExpiresAt) - Date.parse(shown.createdAt))
    // Reported once for each end: another window may have renewed the session, which then ends later.
    if (Math.min(idleMs, absoluteMs) > 0 || reportedFor === shown.expiresAt) return
    reportedFor = shown.expiresAt
    onExpired()
  }
  setInterval(tick, 250)

  return {
    show(user, session) {
      if (session.id !== shown?.id) longestIdleMs = 0
      shown = session
      longestIdleMs = Math.max(longestIdleMs, Date.parse(session.expiresAt) - now())
      const start = session.keyHint.replace('session:', '')
      setTexts({
        'display-name': user.displayName,
        'created-on': session.createdOn,
        'created-at': clockTime(session.createdAt),
        'rotated-at': session.rotatedAt === null ? 'not yet' : clockTime(session.rotatedAt),
        'session-id': session.id,
        token: `${start}••••••`,
      })
      showCommands(session.keyHint)
      element('session').hidden = false
      tick()
    },
    hide() {
      shown = undefined
      element('session').hidden = true
      // Nothing of an ended session stays in the document, not even hidden.
      setTexts({ 'display-name': '', 'session-id': '', token: '' })
      showCommands('')
    },
  }
}

function setTexts(texts: Record<string, string>): void {
  for (const [id, text] of Object.entries(texts)) element(id).textContent = text
}

function countDown(what: 'idle' | 'absolute', leftMs: number, wholeMs: number): void {
  element(what).textContent = duration(leftMs)
  element(`${what}-bar`).style.width = `${Math.min(100, Math.max(0, (100 * leftMs) / wholeMs))}%`
}
