import type { Request, RequestHandler } from 'express'
import { Problem } from './problem.ts'

/** RFC 9110, 9.2.1: by these nothing is changed here either. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Refuses a request that would change something and that a page of another origin has made: OWASP ASVS 5.0, 3.5.1.
 * A browser says where a request comes from in Sec-Fetch-Site, and older ones in Origin; no page can forge either. What
 * sends neither is no browser, and has no cookies that somebody else could make use of.
 * https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
 */
export function csrf(): RequestHandler {
  return (req, _res, next) => {
    if (SAFE_METHODS.has(req.method) || isOfThisOrigin(req)) return next()
    req.log.warn({ event: 'cross_site_refused', origin: req.get('Origin') }, 'Request of another origin refused')
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
