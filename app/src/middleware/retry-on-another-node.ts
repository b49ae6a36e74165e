import type { ErrorRequestHandler } from 'express'
import { Problem } from '../http/problem.ts'
import { RedisDisconnected } from '../redis/errors.ts'

/** This node cannot serve the request now, and has done nothing for it. Another node may be able to. */
export class NodeUnavailable extends Problem {}

/**
 * Sends a request that this node cannot serve back to nginx, for a retry on another node: nginx/parts/failover.conf
 *
 * Without Redis, the node answers 502 with X-Accel-Redirect. The 502 makes nginx repeat a GET, and skip this node for a while.
 * nginx does not repeat a POST, because the node may have done the work. This node has not, so X-Accel-Redirect sends the
 * request to the location that nginx has named in X-Retry-Location. Without that header, the answer is 503.
 * `NodeUnavailable` keeps its own status. nginx does not count it as a failure, because the node still serves other requests.
 * https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_headers
 */
export const retryOnAnotherNode: ErrorRequestHandler = (error, req, res, next) => {
  const location = /^@[a-z_]+$/.exec(req.get('X-Retry-Location') ?? '')?.[0]
  const status = error instanceof RedisDisconnected ? 502 : error instanceof NodeUnavailable ? error.status : undefined
  if (status === undefined || location === undefined) return next(error)
  res.locals.error = error
  // No other header: nginx would keep the type and the caching headers of this answer for the answer of the next node.
  res.removeHeader('Cache-Control')
  res.status(status).set('X-Accel-Redirect', location).end()
}
