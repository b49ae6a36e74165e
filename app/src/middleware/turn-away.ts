import type { ErrorRequestHandler } from 'express'
import { RedisDisconnected } from '../redis/errors.ts'
import { Problem } from './problem.ts'

/** This node cannot do it now, another one may. Nothing has been done. */
export class AskAnotherNode extends Problem {}

/**
 * A node that alone has lost Redis gives the request back to nginx, which asks another one: see nginx/parts/app.conf.
 *
 * nginx passes a GET on because of the 502, and leaves this node out for a while: that is how it learns of the loss. A POST
 * it would not repeat, as it may have done its work. This one has not, and the node says so by X-Accel-Redirect, to the
 * location that nginx has named in X-May-Turn-Away. Where it has named none, the node has to answer: 503.
 * A full node (AskAnotherNode) keeps its own status, in which nginx sees no failure: everything else it can still do.
 * https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_headers
 */
export const turnAway: ErrorRequestHandler = (error, req, res, next) => {
  const location = /^@[a-z]+$/.exec(req.get('X-May-Turn-Away') ?? '')?.[0]
  const status = statusOf(error)
  if (status === undefined || location === undefined) return next(error)
  res.locals.error = error
  // Nothing else: nginx keeps the type of this answer, and what it says of caches, for the one that comes instead.
  res.removeHeader('Cache-Control')
  res.status(status).set('X-Accel-Redirect', location).end()
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof RedisDisconnected) return 502
  return error instanceof AskAnotherNode ? error.status : undefined
}
