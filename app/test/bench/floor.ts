// A node without sessions: the same app, in which everybody is always the same user. What a request costs here is what is
// not the session's: the floor of make bench.
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { endOnFailure } from '../../src/process/end-on-failure.ts'
import type { Session, SessionStore } from '../../src/sessions/session-store.ts'
import { startNode } from '../../src/start-node.ts'

const CONSTANT: Session = {
  id: 'AAAAAAAAAAAAAAAAAAAAAA',
  user: { username: 'ada', displayName: 'Ada Lovelace' },
  createdOn: 'app-1',
  createdAt: '2026-01-01T00:00:00.000Z',
  expiresAt: '2026-01-01T01:00:00.000Z',
  absoluteExpiresAt: '2026-01-01T12:00:00.000Z',
  lastSeenAt: '2026-01-01T00:00:00.000Z',
  address: '127.0.0.1',
  agent: 'bench',
  isRotationDue: false,
  keyHint: 'session:AAAAAA',
}

const nobodysSessions: Pick<SessionStore, 'getSession'> = {
  getSession: async () => CONSTANT,
}

await endOnFailure(() =>
  startNode(readConfig(process.env), (parts) =>
    createApp({ ...parts, sessions: { ...parts.sessions, ...nobodysSessions } }),
  ),
)
