import { Router } from 'express'
import { asEventId } from '../events/event-id.ts'
import type { EventStreams } from '../events/event-streams.ts'
import { refuseAmbiguousStream } from '../middleware/ambiguous-cookie.ts'
import { allowOnly } from '../middleware/problem.ts'
import type { RequireSession } from '../middleware/require-session.ts'
import type { SessionCookie } from '../middleware/session-cookie.ts'
import { AskAnotherNode } from '../middleware/turn-away.ts'
import { networkOf } from '../users/network-of.ts'
import { isSharedAddress } from '../users/shared-address.ts'

interface Parts {
  cookie: SessionCookie
  requireSession: Pick<RequireSession, 'look'>
  streams: EventStreams
}

/**
 * /api/events: what happens to the sessions of the user, on whichever node, and to the nodes. Without a session, only to
 * the nodes. A browser goes on where it was by the header Last-Event-ID; a page that has to begin anew says `?after=`.
 */
export function eventsRoutes({ cookie, requireSession, streams }: Parts): Router {
  const router = Router({ strict: true, caseSensitive: true })

  router
    .route('/api/events')
    .get(async (req, res) => {
      refuseAmbiguousStream(cookie, req)
      const session = await requireSession.look(req)
      if (!streams.isOpen()) throw noPlace()
      if (req.method === 'HEAD') {
        res.set('Cache-Control', 'no-store').type('text/event-stream').end()
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
      if (!isOpened) throw noPlace()
    })
    .all(allowOnly('GET'))

  return router
}

const noPlace = () =>
  new AskAnotherNode(503, 'No more event streams', 'This node is draining, or has no place left.', {
    'Retry-After': '1',
  })
