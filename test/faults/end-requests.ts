import { checkHeaders, takeOver } from './answer-checks.ts'
import type { KnownSession, Records } from './history.ts'
import type { OperationLog } from './operation-log.ts'

/** The requests that end a session: by itself, or by another one of its user. */
export function createEndRequests(operate: OperationLog['operate'], records: Records) {
  const { now, refusals } = records

  async function logOut(session: KnownSession): Promise<void> {
    session.state = 'ending'
    const { answer } = await operate('logout', () => session.visitor.copy().logOut())
    if (answer) checkHeaders(answer, records)
    if (answer?.status !== 204) return
    session.state = 'ended'
    session.changedMs = now()
  }

  /** Revokes a session through another one of the same user. */
  async function revoke(session: KnownSession, by: KnownSession): Promise<void> {
    session.state = 'ending'
    const visitor = by.visitor.copy()
    const token = visitor.token()
    by.asking++
    by.askedMs = now()
    const { operation, answer } = await operate('revoke', () =>
      visitor.ask(`/api/sessions/${session.id}`, { method: 'DELETE' }),
    )
    by.asking--
    by.slowestMs = Math.max(by.slowestMs, operation.tookMs)
    if (!answer) return
    checkHeaders(answer, records)
    if (visitor.cookie() !== undefined && visitor.token() !== token)
      takeOver(by, visitor, { token, startedMs: operation.startedMs }, records)
    const { status } = answer
    if (status === 401 && by.state === 'living') {
      session.state = 'living'
      by.state = 'refused'
      refusals.push({ session: by, operation, token, answeredMs: now() })
    }
    if (status === 404) {
      // nginx repeats a DELETE whose node lost Redis. The first one may have been executed.
      session.state = 'unknown'
      operation.kind = 'revoke-ended'
    }
    if (status !== 204) return
    session.state = 'ended'
    session.changedMs = now()
  }

  return { logOut, revoke }
}
