import type { Session } from './answers.ts'
import type { PageEvents } from './page-events.ts'

/** A later end than that of any answer before, beyond what rounding explains. Nodes renew a session independently of each other. */
const RENEWED_MS = 500

/** Returns a function that notices from an answer that its node has renewed the session. */
export function createRenewals(pageEvents: PageEvents): (session: Session, node: string) => void {
  let known = { id: '', latest: 0 }
  return (session, node) => {
    const expiresAt = Date.parse(session.expiresAt)
    if (session.id === known.id && expiresAt > known.latest + RENEWED_MS) {
      pageEvents.publish({ kind: 'renewed', node, session })
    }
    known = { id: session.id, latest: session.id === known.id ? Math.max(known.latest, expiresAt) : expiresAt }
  }
}
