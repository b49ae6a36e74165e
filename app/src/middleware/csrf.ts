import type { Request, RequestHandler } from 'express'
import { isOfApi } from '../http/paths.ts'
import { Problem } from '../http/problem.ts'

/** RFC 9110, 9.2.1. No route of this application changes anything on these. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])
const MAX_ORIGIN_LENGTH = 256

/**
 * Rejects requests from pages of other origins if they can change something (OWASP ASVS 5.0, 3.5.1) or are for `/api/` or
 * `/auth/`: a resource isolation policy (https://web.dev/articles/fetch-metadata). So no other page can open an event stream or
 * measure response times. This includes links, images and frames, because a request to `/api/` renews the session.
 *
 * A browser sends the origin of its page in Sec-Fetch-Site, and an older one in Origin. A page cannot forge either. A client
 * that sends neither is not a browser, and has no cookies that another site could use.
 * https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
 */
export function csrf(): RequestHandler {
  return (req, _res, next) => {
    const isOpenToAll = SAFE_METHODS.has(req.method) && !isOfApi(req.path)
    if (isOpenToAll || isOfThisOrigin(req)) return next()
    req.log.warn({ event: 'cross_site_refused', origin: originOf(req) }, 'Cross-origin request rejected')
    throw new Problem(403, 'Cross-origin request', 'Only pages of this origin may send this request.')
  }
}

function isOfThisOrigin(req: Request): boolean {
  // `none` is the user of the browser, for example by a bookmark. `same-site` is another host of the same domain.
  const site = req.get('Sec-Fetch-Site')
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  const origin = req.get('Origin')
  // Does not compare the scheme: behind a proxy with TLS, a node cannot verify it. `null` cannot be parsed.
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === req.get('Host'))
}

/** For the log: scheme, host and port. A browser sends only these in Origin, and no Origin with an image. */
function originOf(req: Request): string | undefined {
  const origin = req.get('Origin')
  if (origin === undefined) return undefined
  return URL.canParse(origin) ? new URL(origin).origin.slice(0, MAX_ORIGIN_LENGTH) : '(malformed)'
}
