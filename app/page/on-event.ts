import type { FeedEvent } from './answers.ts'
import type { Connection } from './connection.ts'
import type { EventList } from './event-list.ts'
import { endingOf } from './event-text.ts'
import type { Nodes } from './nodes.ts'
import type { PageEvents } from './page-events.ts'
import type { Trouble } from './trouble.ts'
import type { Visit } from './visit.ts'

interface Parts {
  isExperiment: () => boolean
  pageEvents: PageEvents
  visit: Visit
  nodes: Nodes
  trouble: Trouble
  connection: Connection
  eventList: EventList
  refreshSessions: () => void
}

/** The map shows these two. They are not in the list: nothing has happened yet. */
const HINTS: ReadonlySet<string> = new Set(['node_suspect', 'node_heard'])

/** Returns the function that takes over one event of the stream. */
export function createOnEvent(parts: Parts): (event: FeedEvent) => void {
  const { isExperiment, pageEvents, visit, nodes, trouble, connection, eventList, refreshSessions } = parts

  function onSessionEvent(event: FeedEvent): void {
    const isOwn = event.sessionId === visit.session?.id
    const ending = isOwn ? endingOf(event) : undefined
    if (ending !== undefined) visit.end(ending)
    else if (!isOwn || event.type !== 'replaced') refreshSessions()
  }

  return (event) => {
    if (!HINTS.has(event.type)) eventList.add(event)
    const agoMs = Math.max(0, connection.now() - Date.parse(event.at))
    pageEvents.publish({ kind: 'server', event }, performance.now() - agoMs)
    if (event.isReplayed) return
    nodes.follow(event)
    if (event.type === 'redis_lost') {
      connection.setBehind(true)
      trouble.loseRedis()
    }
    if (event.type === 'redis_back' && event.node === connection.node()) connection.setBehind(false)
    if (event.user !== undefined && visit.change === undefined && !isExperiment()) onSessionEvent(event)
  }
}
