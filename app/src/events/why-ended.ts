import { fingerprintOf } from '../sessions/session-token.ts'
import { isSessionEvent, type SessionEvent, timeOf } from './event.ts'
import type { EventLog } from './event-log.ts'
import { describeEnding, EXPIRED_SENTENCES } from './session-endings.ts'

/** A session begins when the check of its password begins (login-throttle.ts), and its event is published after that. */
const LONGEST_LOGIN_MS = 3_000

export type WhyEnded = ReturnType<typeof createWhyEnded>

interface Parts {
  events: Pick<EventLog, 'recent'>
  ttlSeconds: number
  absoluteSeconds: number
  /** The time of Redis, in milliseconds since 1970. */
  now: () => number
}

/**
 * Explains how the session of a rejected token ended, if the events that this node remembers show it. Only the holder of the
 * token can ask, so a client learns nothing about the sessions of others.
 */
export function createWhyEnded({ events, ttlSeconds, absoluteSeconds, now }: Parts) {
  /** `sentence` is for the client that sent the token. */
  return (token: string): { reason: 'expired' | SessionEvent['type']; sentence: string } | undefined => {
    const fingerprint = fingerprintOf(token)
    const known = events.recent()
    const sessionEvents = known.flatMap(({ id, event }) => (isSessionEvent(event) && id ? [{ id, event }] : []))
    const start = sessionEvents.findLast(
      ({ event }) => event.fingerprint === fingerprint || event.sessionId === fingerprint,
    )
    if (!start) return undefined
    const last = sessionEvents.findLast(({ event }) => event.sessionId === start.event.sessionId)
    if (!last) return undefined
    const ending = describeEnding(last.event)
    if (ending) return { reason: last.event.type, sentence: ending.sentence }
    // No event ended it, so it expired: it reached its absolute end, or its last token was idle for too long.
    const ageMs = (id: string) => now() - timeOf(id)
    const login = sessionEvents.find(({ event }) => event.type === 'login' && event.sessionId === last.event.sessionId)
    const isAtAbsoluteEnd = login !== undefined && ageMs(login.id) + LONGEST_LOGIN_MS >= absoluteSeconds * 1000
    const isLastToken = (last.event.fingerprint ?? last.event.sessionId) === fingerprint
    const wasIdle = isLastToken && ageMs(last.id) >= ttlSeconds * 1000
    if (!isAtAbsoluteEnd && !wasIdle) return undefined
    return { reason: 'expired', sentence: EXPIRED_SENTENCES[isAtAbsoluteEnd ? 'absolute' : 'idle'] }
  }
}
