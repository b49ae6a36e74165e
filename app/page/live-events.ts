import type { Answer } from './answers.ts'
import type { Connection } from './connection.ts'
import type { EventList } from './event-list.ts'
import { type Feed, type Hello, openFeed } from './feed.ts'
import type { MySessions } from './my-sessions.ts'
import type { Nodes } from './nodes.ts'
import type { Notice } from './notice.ts'
import { createOnEvent } from './on-event.ts'
import type { PageEvents } from './page-events.ts'
import type { Trouble } from './trouble.ts'
import type { Visit } from './visit.ts'

export interface LiveEvents {
  /** Connects as the user who is logged in now, without the events of an earlier user. */
  connect(): void
}

interface Parts {
  base: () => string
  isExperiment: () => boolean
  pageEvents: PageEvents
  visit: Visit
  nodes: Nodes
  notice: Notice
  trouble: Trouble
  connection: Connection
  eventList: EventList
  mySessions: MySessions
  whoAmI: () => Promise<Answer>
  refreshNodes: () => Promise<Answer>
  refreshSessions: () => void
}

/** What the stream of events changes on the page. */
export function createLiveEvents(parts: Parts): LiveEvents {
  const { base, isExperiment, pageEvents, visit, notice, trouble, connection } = parts
  const { eventList, mySessions, whoAmI, refreshNodes, refreshSessions } = parts
  const onEvent = createOnEvent(parts)
  let feed: Feed | undefined
  let reopenedFor: string | undefined
  /** The session of the stream. */
  let streamOf: string | null = null
  /** The stream that ended without a wish of this page, until the next one is open. */
  let lost: { node: string; sessionId: string | null } | undefined

  async function onHello(hello: Hello): Promise<void> {
    const { sessionId, isIncomplete, node } = hello
    const previous = lost?.sessionId === sessionId && lost.node !== node ? lost.node : undefined
    lost = undefined
    streamOf = sessionId
    connection.show(hello)
    pageEvents.publish({ kind: 'connected', node, previous, isIncomplete })
    if (sessionId === null && !visit.session && visit.change === undefined) visit.findNobody()
    if (isIncomplete) eventList.addGap()
    notice.clearPassing()
    await refreshNodes()
    await visit.change
    if (isExperiment()) return
    if (sessionId !== (visit.session?.id ?? null)) await whoAmI()
    refreshSessions()
    if (sessionId === null) openWithSession()
  }

  /** The stream opened while the cookie was being replaced, so it is anonymous. Reopens it, once for each session. */
  function openWithSession(): void {
    const id = visit.session?.id
    if (id === undefined || id === reopenedFor) return
    reopenedFor = id
    feed?.reopen()
  }

  function onLost(isRefused: boolean): void {
    connection.showLost()
    if (connection.node() !== '') lost ??= { node: connection.node(), sessionId: streamOf }
    if (isRefused && trouble.hasRedis()) void explainRefusal(parts)
  }

  // A hidden page needs no connection. When it is shown again, the server sends what was missed.
  document.addEventListener('visibilitychange', () => (document.hidden ? feed?.close() : feed?.reopen()))

  return {
    connect() {
      feed?.close()
      lost = undefined
      eventList.clear()
      mySessions.clear()
      const listener = { onHello, onEvent, onState: connection.show, onGap: eventList.addGap, onLost }
      feed = openFeed(`${base()}/api/events`, listener)
    },
  }
}

/** An EventSource cannot read an error answer, so this asks for one. GET /api/user removes a cookie of another application. */
async function explainRefusal({ refreshNodes, visit, isExperiment, whoAmI }: Parts): Promise<void> {
  const { status } = await refreshNodes()
  if (status === 200 && !visit.session && !isExperiment()) await whoAmI()
}
