import { Router } from 'express'
import { asEventId } from '../events/event.ts'
import type { EventStreams } from '../events/event-streams.ts'
import { EVENTS_PATH } from '../http/paths.ts'
import { allowOnly } from '../http/problem.ts'
import type { RequireSession } from '../http/require-session.ts'
import { NodeUnavailable } from '../middleware/retry-on-another-node.ts'
import { isSharedAddress, networkOf } from '../users/network-of.ts'

/**
 * /api/events: the events of the nodes and, with a session, of the user's sessions, from every node. A browser resumes a
 * stream with the header Last-Event-ID, and a page with `?after=`.
 */
export function eventsRoutes(requireSession: RequireSession, streams: EventStreams): Router {
  const router = Router({ strict: true, caseSensitive: true })

  router
    .route(EVENTS_PATH)
    .get(async (req, res) => {
      const session = await requireSession.find(req)
      if (!streams.isOpen()) throw noStream()
      if (req.method === 'HEAD') {
        res.type('text/event-stream').end()
        return
      }
      const after = new URL(req.originalUrl, 'http://any').searchParams.get('after') ?? undefined
      const isOpened = streams.open(res, {
        network: req.ip === undefined || isSharedAddress(req.ip) ? undefined : networkOf(req.ip),
        lastEventId: asEventId(req.get('Last-Event-ID')) ?? asEventId(after),
        viewer: session && {
          username: session.user.username,
          sessionId: session.id,
          expiresAt: Date.parse(session.expiresAt),
        },
      })
      if (!isOpened) throw noStream()
    })
    .all(allowOnly('GET'))

  return router
}

function noStream(): NodeUnavailable {
  const detail = 'This node is draining, or has reached its limit of event streams.'
  return new NodeUnavailable(503, 'No more event streams', detail, { 'Retry-After': '1' })
}
