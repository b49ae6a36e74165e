import { randomUUID } from 'node:crypto'
import type { RequestHandler } from 'express'

const REQUEST_ID_SHAPE = /^[A-Za-z0-9-]{8,64}$/

/** Adds the name of the node and the id of the request to every answer. The log has the same id. Keeps an id of the balancer. */
export function requestIdentity(node: string): RequestHandler {
  return (req, res, next) => {
    const given = req.get('X-Request-Id')
    const requestId = given !== undefined && REQUEST_ID_SHAPE.test(given) ? given : randomUUID()
    res.locals.requestId = requestId
    res.setHeader('X-Served-By', node)
    res.setHeader('X-Request-Id', requestId)
    next()
  }
}
