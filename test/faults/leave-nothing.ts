import type { Credentials } from '../support/http.ts'
import { createVisitor } from '../support/visitor.ts'
import { AGENT, type KnownSession } from './history.ts'

/** Logs out these sessions and all others of the recorder, also those whose login had no response. */
export async function leaveNothing(
  url: string,
  sessions: readonly KnownSession[],
  accounts: readonly Credentials[],
): Promise<void> {
  for (const session of sessions) await session.visitor.logOut().catch(() => {})
  for (const account of accounts) {
    const endAll = () => endSessionsOf(url, account)
    // After a fault nginx may close an idle connection while a request is sent on it. It closes no new one.
    await endAll().catch(endAll)
  }
}

async function endSessionsOf(url: string, account: Credentials): Promise<void> {
  const visitor = createVisitor(url, { agent: AGENT })
  await visitor.logIn(account)
  const { body } = await visitor.ask('/api/sessions')
  for (const { agent, id, current } of body.sessions ?? [])
    if (agent === AGENT && !current) await visitor.ask(`/api/sessions/${id}`, { method: 'DELETE' })
  await visitor.logOut()
}
