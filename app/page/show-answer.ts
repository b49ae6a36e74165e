import type { Answer } from './answers.ts'
import type { Asked } from './ask.ts'
import type { TravelMap } from './map.ts'
import type { Nodes } from './nodes.ts'
import type { PageEvents } from './page-events.ts'

interface Parts {
  map: TravelMap
  nodes: Nodes
  pageEvents: PageEvents
}

/** Returns a function that shows an answer on its way, and tells the parts of the page about it. */
export const createShowAnswer =
  ({ map, nodes, pageEvents }: Parts) =>
  (answer: Answer, { method, path, ms }: Asked): void => {
    const { status, servedBy } = answer
    const isNode = servedBy !== '' && servedBy !== 'nginx' && servedBy !== 'balancer'
    if (isNode) nodes.heardOf(servedBy)
    const hasSession = path === '/api/user' || path.startsWith('/api/session') || path === '/auth/login'
    pageEvents.publish({ kind: 'answer', method, path, ms, answer, hasSession })
    const outcome = hasSession ? 'ok' : 'plain'
    map.travel(servedBy, status === 401 ? 'rejected' : status >= 500 ? 'failed' : outcome)
  }
