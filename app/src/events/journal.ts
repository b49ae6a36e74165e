import type { Logger } from '../logger.ts'
import type { SessionEvent } from './event.ts'
import type { EventLog } from './event-log.ts'

/** Where what happens to sessions is written down: in the log of the node, and for the pages of the user. */
export interface Journal {
  /** `log` is that of the request, so that the line has its id. Does not throw. */
  record(log: Pick<Logger, 'info' | 'warn'>, event: Omit<SessionEvent, 'node'>): Promise<void>
}

const SENTENCES: Record<SessionEvent['type'], string> = {
  login: 'Session started',
  rotated: 'Session has a new token',
  logout: 'Session ended by logout',
  replaced: 'Session ended by another login in its place',
  revoked: 'Session ended by its user',
  made_room: 'Oldest session ended: one too many',
  token_reused: 'Session ended: a replaced token was used again',
}

export function createJournal({ node, events }: { node: string; events: Pick<EventLog, 'append'> }): Journal {
  return {
    async record(log, event) {
      const { type, user, sessionId, by } = event
      // A sign of theft. Everything else is as its user or an administrator wanted it.
      const level = type === 'token_reused' ? 'warn' : 'info'
      log[level]({ event: type, user, sessionId }, by ? `Session ended by an ${by}` : SENTENCES[type])
      await events.append({ ...event, node })
    },
  }
}
