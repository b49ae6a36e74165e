// A node without sessions: the same app, in which each client is always the same user. The cost of a request here is the
// floor of make bench: the cost without a session.
import { createApp } from 'app/app'
import { readConfig } from 'app/config'
import { endOnFailure } from 'app/lifecycle/end-on-failure'
import { runNode } from 'app/lifecycle/run-node'
import { buildNode, type NodeOptions } from 'app/node'
import type { Session, SessionStore } from 'app/sessions/session-store'

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

const buildApp: NodeOptions['buildApp'] = (parts) =>
  createApp({ ...parts, sessions: { ...parts.sessions, ...nobodysSessions } })

await endOnFailure(async () => {
  const config = readConfig(process.env)
  await runNode(await buildNode(config, { buildApp }), config)
})
