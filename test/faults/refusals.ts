import { type Credentials, createVisitor } from '../lib/visitor.ts'
import { type EndedBy, publishedEndings } from './endings.ts'
import { AGENT, type Refusal, type RotationTimes, type StackAction, secondsSince, type Violation } from './history.ts'

interface Parts {
  url: string
  now: () => number
  rotation: RotationTimes
  actions: StackAction[]
  violate: (what: Violation['what'], detail: string) => void
}

/**
 * Finds out why sessions were refused that should live. A refusal is a loss unless the stack has published that it ended the
 * session, or the token had been replaced and its grace was over.
 */
export async function explainRefusals(open: readonly Refusal[], parts: Parts): Promise<void> {
  const { url, now, rotation, actions, violate } = parts
  const accounts = new Set(open.map(({ session }) => session.account))
  const published = new Map<Credentials, Map<string, EndedBy>>()
  for (const account of accounts)
    published.set(account, await publishedEndings(url, createVisitor(url, { agent: AGENT }), account))
  for (const { session, operation, token, answeredMs } of open) {
    const endedBy = published.get(session.account)?.get(session.id)
    const replacedMs = session.replaced.get(token)
    if (endedBy) {
      session.state = 'ended'
      session.changedMs = now()
      actions.push({ atMs: now(), what: endedBy, username: session.account.username })
    } else if (replacedMs !== undefined && answeredMs >= replacedMs + rotation.graceMs) {
      if (session.state === 'refused') session.state = 'living'
    } else {
      const { account, createdMs, changedMs } = session
      const age = `${secondsSince(createdMs, now())} s old, its token ${secondsSince(changedMs, now())} s old`
      violate('lost', `a session of ${account.username}, ${age}, was refused by ${operation.servedBy}`)
      session.state = 'unknown'
      continue
    }
    operation.kind = 'ask-ended'
  }
}
