import { after, before } from 'node:test'
import type { SessionOptions } from 'app/sessions/session-store'
import { declareHeaders } from './contract/headers.ts'
import { declareHostileInput } from './contract/hostile-input.ts'
import { declareInvalidCookies } from './contract/invalid-cookies.ts'
import { declareInvalidRequests } from './contract/invalid-requests.ts'
import { declareLoginSafety } from './contract/login-safety.ts'
import { declareMonitoring } from './contract/monitoring.ts'
import { declareOwnSessions } from './contract/own-sessions.ts'
import { declareRedisDown } from './contract/redis-down.ts'
import { declareSessionLife } from './contract/session-life.ts'
import { startTwoNodes, type TwoNodes } from './contract/two-nodes.ts'

/** The contract for two nodes in this process, the same for each option of session storage. */
export function contract(session: Partial<SessionOptions>, { cacheEntries = 0 } = {}): void {
  let started: TwoNodes
  before(async () => {
    started = await startTwoNodes(session, cacheEntries)
  })
  after(() => started.stop())
  declareContract(() => started)
}

/** The HTTP guarantees of every node. The tests query two nodes on one Redis directly. */
export function declareContract(pair: () => TwoNodes): void {
  declareSessionLife(pair)
  declareLoginSafety(pair)
  declareOwnSessions(pair)
  declareMonitoring(pair)
  declareInvalidRequests(pair)
  declareInvalidCookies(pair)
  declareHostileInput(pair)
  declareHeaders(pair)
  declareRedisDown(pair)
}
