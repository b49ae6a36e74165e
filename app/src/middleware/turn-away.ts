import type { ErrorRequestHandler } from 'express'
import { RedisDisconnected } from '../redis/connection.ts'
import { Problem } from './problem.ts'

/**
 * A node that alone has lost Redis gives the request back to nginx, which asks another one: see nginx/parts/app.conf.
 *
 * nginx says with X-May-Turn-Away that it can. It passes a GET on because of the 502, and leaves this node out for a
 * while, which is how it learns of the loss. A POST it would not repeat: it may have done its work. This one has not, and
 * the node says so by X-Accel-Redirect (https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_headers),
 * as for a GET that there is nobody left to ask. The second time nginx does not say it, and whoever is asked answers.
 */
export const turnAway: ErrorRequestHandler = (error, req, _res, next) => {
  if (!(error instanceof RedisDisconnected) || req.get('X-May-Turn-Away') === undefined) return next(error)
  next(
    new Problem(502, 'This node has lost Redis', 'Another one takes the request.', {
      'X-Accel-Redirect': '@another',
    }),
  )
}
