import type { Answer, Visitor } from '../support/visitor.ts'
import type { KnownSession, Records } from './history.ts'

/** What holds for every response, whatever the state of the session. */
export function checkAnswer({ account, id }: KnownSession, answer: Answer, records: Records): void {
  const { violate } = records
  const { status, servedBy, headers, body } = answer
  const { username } = account
  if (status >= 500 && headers.getSetCookie().length > 0) violate('cookie cleared', `by a ${status} of ${servedBy}`)
  if (status === 200 && (body.user?.username !== username || body.session?.id !== id))
    violate('wrong user', `${servedBy} took ${username}'s session for ${body.user?.username}'s`)
  checkHeaders(answer, records)
}

/** A client that gets 503 must learn when to try again. */
export function checkHeaders({ status, servedBy, headers }: Answer, { violate }: Records): void {
  if (status === 503 && headers.get('Retry-After') === null) violate('no Retry-After', `a 503 of ${servedBy}`)
}

/** Stores the new token of a response, like a browser, in place of the one in its request. */
export function takeOver(
  session: KnownSession,
  visitor: Visitor,
  { token, startedMs }: { token: string; startedMs: number },
  { now, actions }: Records,
): void {
  const isKnown = session.visitor.token() === visitor.token() || session.replaced.has(visitor.token())
  session.replaced.set(token, Math.min(startedMs, session.replaced.get(token) ?? startedMs))
  if (isKnown) return
  session.visitor = visitor
  if (session.state !== 'living') return
  session.changedMs = now()
  actions.push({ atMs: now(), what: 'rotated', username: session.account.username })
}
