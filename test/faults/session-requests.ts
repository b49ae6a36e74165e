import type { Credentials } from '../support/http.ts'
import { createVisitor } from '../support/visitor.ts'
import { checkAnswer, checkHeaders, takeOver } from './answer-checks.ts'
import { createEndRequests } from './end-requests.ts'
import { AGENT, type KnownSession, type Records, secondsSince } from './history.ts'
import type { OperationLog } from './operation-log.ts'

/**
 * Logs in, uses and revokes sessions, and logs out. Checks each response against what the records expect of the session, and updates them.
 */
export function createSessionRequests(url: string, operate: OperationLog['operate'], records: Records) {
  const { now, sessions, refusals, violate } = records

  async function logIn(account: Credentials): Promise<void> {
    const visitor = createVisitor(url, { agent: AGENT })
    const { answer } = await operate('login', () => visitor.logIn(account))
    if (answer) checkHeaders(answer, records)
    const id = answer?.body.session?.id
    if (answer?.status !== 200 || id === undefined) return
    sessions.push({
      ...{ visitor, account, id, state: 'living', createdMs: now(), changedMs: now() },
      ...{ replaced: new Map<string, number>(), asking: 0, askedMs: now(), slowestMs: 0 },
    })
  }

  /** Requests the user of the session. Returns whether there was a response, correct or not. */
  async function ask(session: KnownSession): Promise<boolean> {
    const { state } = session
    // Uses a copy of the cookie, because the later of two concurrent responses may set the older token.
    const visitor = session.visitor.copy()
    const token = visitor.token()
    session.asking++
    session.askedMs = now()
    const { operation, answer } = await operate(state === 'living' ? 'ask' : 'ask-ended', () => visitor.whoAmI())
    session.asking--
    session.slowestMs = Math.max(session.slowestMs, operation.tookMs)
    if (!answer) return false
    const { status } = answer
    checkAnswer(session, answer, records)
    if (status === 200 && visitor.cookie() !== undefined && visitor.token() !== token)
      takeOver(session, visitor, { token, startedMs: operation.startedMs }, records)
    // After a concurrent logout or a killed Redis, a request in progress may have met either state.
    if (session.state !== state) {
      if (status === 401) operation.kind = 'ask-ended'
      return true
    }
    if (status === 401 && state === 'living') {
      // One report is enough.
      session.state = 'refused'
      refusals.push({ session, operation, token, answeredMs: now() })
    }
    if (status === 200 && state === 'ended') {
      const age = `ended ${secondsSince(session.changedMs, now())} s before`
      violate(
        'returned',
        `session ${session.id} of ${session.account.username}, ${age}, was accepted by ${answer.servedBy}`,
      )
      // One report is enough.
      session.state = 'unknown'
    }
    return status === 200 || status === 401
  }

  return { logIn, ask, ...createEndRequests(operate, records) }
}
