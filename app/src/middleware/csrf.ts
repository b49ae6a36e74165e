import type { Request, RequestHandler } from 'express'
import { Problem } from './problem.ts'

/** RFC 9110, 9.2.1: by these nothing is changed here either. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])
/** What the page asks for by itself. Everything else is a page or a part of one, which others may link to. */
const FOR_THE_PAGE_ONLY = /^\/(api|auth)\//
const LONGEST_ORIGIN = 256

/**
 * Refuses a request that a page of another origin has made, if it would change something (OWASP ASVS 5.0, 3.5.1) or is for
 * `/api/` or `/auth/`: a resource isolation policy (https://web.dev/articles/fetch-metadata). So no other page can open a
 * stream, take the place of a user's request, or measure how long an answer takes. This is also so for a link, an image or a
 * frame that leads to `/api/`: a session that is asked for counts as used, and another site must not keep it alive.
 *
 * A browser says where a request comes from in Sec-Fetch-Site, and older ones in Origin; no page can forge either. What
 * sends neither is no browser, and has no cookies that somebody else could make use of.
 * https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
 */
export function csrf(): RequestHandler {
  return (req, _res, next) => {
    const isOpenToAll = SAFE_METHODS.has(req.method) && !FOR_THE_PAGE_ONLY.test(req.path)
    if (isOpenToAll || isOfThisOrigin(req)) return next()
    req.log.warn({ event: 'cross_site_refused', origin: originOf(req) }, 'Request of another origin refused')
    throw new Problem(403, 'Request of another origin', 'Only the page of this address may do that.')
  }
}

function isOfThisOrigin(req: Request): boolean {
  // `none` is the person at the browser, as by a bookmark. `same-site` is a neighbour of the same domain: not us.
  const site = req.get('Sec-Fetch-Site')
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  const origin = req.get('Origin')
  if (origin === undefined) return true
  // The scheme is left out: a proxy that ends TLS in front would have to be trusted for it. `null` is no address.
  return URL.canParse(origin) && new URL(origin).host === req.get('Host')
}

/** For the log: scheme, host and port. A browser sends only these in Origin, and no Origin with an image. */
function originOf(req: Request): string | undefined {
  const origin = req.get('Origin')
  if (origin === undefined) return undefined
  return URL.canParse(origin) ? new URL(origin).origin.slice(0, LONGEST_ORIGIN) : '(malformed)'
}
