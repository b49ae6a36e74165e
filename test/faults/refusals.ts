import type { Credentials } from '../support/http.ts'
import { createVisitor } from '../support/visitor.ts'
import { type EndedBy, publishedEndings } from './endings.ts'
import type { Late } from './fault.ts'
import { AGENT, type Refusal, type RotationTimes, type StackAction, secondsSince, type Violation } from './history.ts'

interface Parts {
  url: string
  now: () => number
  rotation: RotationTimes
  actions: StackAction[]
  late: Late[]
  violate: (what: Violation['what'], detail: string) => void
}

/**
 * Finds out why live sessions were rejected. A rejection is a loss unless the stack has published that it ended the session,
 * or the token was replaced and its grace period has passed. A request that takes longer than the grace period arrives with a
 * token that was replaced meanwhile, and the stack must revoke the session then: that is a matter of time, and no loss. Its event
 * may be missing, because Redis was away.
 */
export async function explainRefusals(open: readonly Refusal[], parts: Parts): Promise<void> {
  const { url, now, rotation, actions, late, violate } = parts
  const accounts = new Set(open.map(({ session }) => session.account))
  const published = new Map<Credentials, Map<string, EndedBy>>()
  for (const account of accounts)
    published.set(account, await publishedEndings(url, createVisitor(url, { agent: AGENT }), account))
  for (const { session, operation, token, answeredMs } of open) {
    const endedBy = published.get(session.account)?.get(session.id)
    const replacedMs = session.replaced.get(token)
    const isUnexplained = endedBy === undefined || endedBy === 'reused'
    if (isUnexplained && rotation.graceMs > 0 && session.slowestMs >= rotation.graceMs) {
      session.state = 'unknown'
      late.push({
        what: `a token was used after its grace period, because a request took ${session.slowestMs.toFixed(0)} ms`,
        boundMs: rotation.graceMs,
      })
    } else if (endedBy && endedBy !== 'reused') {
      session.state = 'ended'
      session.changedMs = now()
      actions.push({ atMs: now(), what: endedBy, username: session.account.username })
    } else if (replacedMs !== undefined && answeredMs >= replacedMs + rotation.graceMs) {
      if (session.state === 'refused') session.state = 'living'
    } else {
      const { account, createdMs, changedMs } = session
      const age = `${secondsSince(createdMs, now())} s old, its token ${secondsSince(changedMs, now())} s old`
      violate(
        session.replaced.size > 0 ? 'lost by rotation' : 'lost',
        `session ${session.id} of ${account.username}, ${age}, was rejected by ${operation.servedBy}`,
      )
      session.state = 'unknown'
      continue
    }
    operation.kind = 'ask-ended'
  }
}
