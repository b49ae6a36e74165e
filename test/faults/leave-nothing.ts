import type { Credentials } from '../support/http.ts'
import { until } from '../support/until.ts'
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
    // After a fault a connection may be cut, and on Kubernetes some reach a machine that has just returned.
    await until('all sessions of the account are ended', () =>
      endSessionsOf(url, account).then(
        () => true,
        () => false,
      ),
    )
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
