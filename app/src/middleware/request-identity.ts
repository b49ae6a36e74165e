import { randomUUID } from 'node:crypto'
import type { RequestHandler } from 'express'

const REQUEST_ID_SHAPE = /^[A-Za-z0-9-]{8,64}$/

/** Says on every answer which node gave it and under which id the logs have it. The balancer's id is kept if it has one. */
export function requestIdentity(node: string): RequestHandler {
  return (req, res, next) => {
    const given = req.get('X-Request-Id')
    const requestId = given !== undefined && REQUEST_ID_SHAPE.test(given) ? given : randomUUID()
    res.locals.requestId = requestId
    res.set({ 'X-Served-By': node, 'X-Request-Id': requestId })
    next()
  }
}
