import { fingerprintOf } from '../sessions/session-token.ts'
import { ENDS, isSessionEvent, type SessionEvent } from './event.ts'
import { timeOf } from './event-id.ts'
import type { EventLog } from './event-log.ts'

export interface Ending {
  reason: 'expired' | SessionEvent['type']
  /** In words, for whoever came with the token. */
  sentence: string
}

export type WhyEnded = (token: string) => Ending | undefined

interface Parts {
  events: Pick<EventLog, 'recent'>
  ttlSeconds: number
  absoluteSeconds: number
  /** Redis's time, in milliseconds since 1970. */
  now: () => number
}

const SENTENCES: Partial<Record<SessionEvent['type'], string>> = {
  logout: 'You logged out, here or in another window.',
  replaced: 'Somebody logged in anew in this browser.',
  revoked: 'It was ended from another one of your sessions.',
  made_room: 'You logged in elsewhere once too often, and the oldest session made room.',
  token_reused:
    'A token of it that had already been replaced was used again, so somebody may have copied it. Log in again, and tell an administrator if this was not you.',
}

/**
 * Says what became of the session of a token that is refused, as far as the events of the last while tell. Only the holder
 * of the token can ask, so it tells nobody anything about somebody else.
 */
export function createWhyEnded({ events, ttlSeconds, absoluteSeconds, now }: Parts): WhyEnded {
  return (token) => {
    const fingerprint = fingerprintOf(token)
    const known = events.recent()
    const sessionEvents = known.flatMap(({ id, event }) => (isSessionEvent(event) && id ? [{ id, event }] : []))
    const start = sessionEvents.findLast(
      ({ event }) => event.fingerprint === fingerprint || event.sessionId === fingerprint,
    )
    if (!start) return undefined
    const last = sessionEvents.findLast(({ event }) => event.sessionId === start.event.sessionId)
    if (!last) return undefined
    const { type, by } = last.event
    if (ENDS.has(type)) {
      return { reason: type, sentence: by ? `It was ended by an ${by}.` : (SENTENCES[type] ?? '') }
    }
    // Nobody has ended it. Then it has reached its longest life, or was not used for as long as it can go without.
    const ageMs = (id: string) => now() - timeOf(id)
    const login = sessionEvents.find(({ event }) => event.type === 'login' && event.sessionId === last.event.sessionId)
    const isAtItsEnd = login !== undefined && ageMs(login.id) >= absoluteSeconds * 1000
    const isItsLastToken = (last.event.fingerprint ?? last.event.sessionId) === fingerprint
    const wasIdle = isItsLastToken && ageMs(last.id) >= ttlSeconds * 1000
    if (!isAtItsEnd && !wasIdle) return undefined
    return { reason: 'expired', sentence: 'It had not been used for too long, or had reached its longest life.' }
  }
}
