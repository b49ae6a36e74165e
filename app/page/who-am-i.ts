import type { Answer, Session } from './answers.ts'
import type { Ask } from './ask.ts'
import { wait } from './dom.ts'
import type { PageEvents } from './page-events.ts'
import { countRequest, type Matrix } from './shared/matrix.ts'
import type { Trouble } from './trouble.ts'
import { isExpired, type Visit } from './visit.ts'

interface Parts {
  ask: Ask
  visit: Visit
  count: Matrix
  trouble: Trouble
  pageEvents: PageEvents
  noteRenewal: (session: Session, node: string) => void
  /** Time of the Redis server, in milliseconds since 1970. */
  now: () => number
  isExperiment: () => boolean
  onChange: () => void
  onOtherUser: () => void
}

const COOKIE_ARRIVES_MS = 500

/** Returns the function that asks a node who this is, and takes over its answer. */
export function createWhoAmI(parts: Parts): () => Promise<Answer> {
  const { ask, visit, count, trouble, pageEvents, noteRenewal, now, isExperiment, onChange, onOtherUser } = parts

  return async () => {
    const asked = visit.session
    const answer = await askWho(ask)
    const { status, servedBy, body } = answer
    // The user logged out, or another one logged in, during the request.
    if (asked !== undefined && visit.session?.id !== asked.id) return answer
    if (status === 200 && body.user && body.session) {
      const isOtherUser = visit.user !== undefined && visit.user.username !== body.user.username
      countRequest(count, body.session.createdOn, servedBy, true)
      visit.remember(body.user, body.session)
      pageEvents.publish({ kind: 'verdict', node: servedBy, session: body.session, isHonoured: true })
      noteRenewal(body.session, servedBy)
      if (isOtherUser) onOtherUser()
    } else if (status === 401 && asked) {
      pageEvents.publish({ kind: 'verdict', node: servedBy, session: asked, isHonoured: false })
      // Without a reason, the node rejected a session that it should have honoured.
      if (body.reason === undefined && !isExpired(asked, now())) countRequest(count, asked.createdOn, servedBy, false)
      if (!isExperiment()) visit.end(body.reason === undefined ? undefined : body.detail)
    } else if (status === 401) {
      visit.findNobody()
    } else {
      trouble.report(answer)
    }
    onChange()
    return answer
  }
}

async function askWho(ask: Ask): Promise<Answer> {
  const answer = await ask('GET', '/api/user')
  if (answer.body.reason !== 'replaced') return answer
  // Another window logs in again, and this one shares its cookie, which is about to arrive.
  await wait(COOKIE_ARRIVES_MS)
  return ask('GET', '/api/user')
}
