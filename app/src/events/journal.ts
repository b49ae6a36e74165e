import type { Logger } from '../logger.ts'
import type { EndedSession } from '../sessions/session-store.ts'
import type { SessionEvent } from './event.ts'
import type { EventLog } from './event-log.ts'
import { describeEnding, type EndingType } from './session-endings.ts'

export type Journal = ReturnType<typeof createJournal>

/** Records what happens to sessions: in the log of the node, and for the pages of the user. */
export function createJournal({ node, events }: { node: string; events: Pick<EventLog, 'append'> }) {
  /** `log` is that of the request, so the line has its id. Does not throw. */
  async function record(log: Pick<Logger, 'info' | 'warn'>, happened: Omit<SessionEvent, 'node'>): Promise<void> {
    const event = { ...happened, node }
    const { type, user, sessionId } = event
    const line = describeEnding(event)?.logLine ?? (type === 'login' ? 'Session started' : 'Session token replaced')
    // A token that is used again may be stolen. All other events are intended.
    const level = type === 'token_reused' ? 'warn' : 'info'
    log[level]({ event: type, user, sessionId }, line)
    await events.append(event)
  }

  return {
    record,
    /** `type` is the reason, unless the call had a token that may be stolen. Does not throw. */
    recordEnding(log: Logger, type: EndingType, { id, username, isReuse }: EndedSession): Promise<void> {
      return record(log, { type: isReuse ? 'token_reused' : type, user: username, sessionId: id })
    },
  }
}
