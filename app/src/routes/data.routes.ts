import { json, type RequestHandler, Router } from 'express'
import { toAddition, toMergePatch } from '../http/data-change.ts'
import { allowOnly, Problem } from '../http/problem.ts'
import type { RequireSession } from '../http/require-session.ts'
import type { SessionCookie } from '../http/session-cookie.ts'
import { DataConflict, DataTooLarge, MOST_DATA_BYTES } from '../sessions/session-data.ts'
import type { DataChange } from '../sessions/session-record.ts'
import type { SessionStore } from '../sessions/session-store.ts'

const MERGE_PATCH = 'application/merge-patch+json'
const ADDITION = 'application/json'
const TYPES = [MERGE_PATCH, ADDITION]
const BODY_LIMIT = '4kb'

const NOTHING_CHANGED = 'Other requests change this session. Nothing was changed. Try again.'
const CONFLICT = new Problem(409, 'Conflict', NOTHING_CHANGED, { 'Retry-After': '1' })

interface Parts {
  node: string
  cookie: SessionCookie
  sessions: SessionStore
  requireSession: RequireSession
}

/** /api/session/data: what the application keeps in a session. Here a basket. */
export function dataRoutes({ node, cookie, sessions, requireSession }: Parts): Router {
  const router = Router({ strict: true, caseSensitive: true })

  router
    .route('/api/session/data')
    .get(async (req, res) => {
      const { data = {} } = await requireSession.use(req, res)
      res.json({ data, servedBy: node })
    })
    .patch(requirePatchType, json({ type: TYPES, limit: BODY_LIMIT, strict: false }), async (req, res) => {
      const change = req.is(MERGE_PATCH) ? toMergePatch(req.body) : toAddition(req.body)
      // It rejects several cookies, so there is one token.
      await requireSession.use(req, res)
      const data = await update(cookie.readAll(req)[0], change)
      if (data === undefined) {
        // A logout came in between. This finds its reason.
        await requireSession.peek(req, res)
        throw CONFLICT
      }
      res.json({ data, servedBy: node })
    })
    .all(allowOnly('GET', 'PATCH'))

  async function update(token: string | undefined, change: DataChange) {
    try {
      return await sessions.updateSession(token, change)
    } catch (error) {
      if (error instanceof DataTooLarge)
        throw new Problem(413, 'Content too large', `The data of a session may have ${MOST_DATA_BYTES} bytes of JSON.`)
      throw error instanceof DataConflict ? CONFLICT : error
    }
  }

  return router
}

/** RFC 5789, sections 2.2 and 3.1. */
const requirePatchType: RequestHandler = (req, _res, next) => {
  if (req.is(TYPES)) return next()
  throw new Problem(415, 'Unsupported media type', `Send ${MERGE_PATCH}, or ${ADDITION} to add to counters.`, {
    'Accept-Patch': TYPES.join(', '),
  })
}
