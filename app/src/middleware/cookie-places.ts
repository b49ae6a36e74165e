import { isIP } from 'node:net'

export interface CookiePlace {
  path: string
  /** Absent for a cookie of this host only. */
  domain?: string
}

/** More parts than any host name in use has: an answer must not grow with what a client writes into Host. */
const MOST_DOMAINS = 4
const MOST_PATHS = 8
const EVENTS_PATH = '/api/events'
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/
/** What a path may have in a Set-Cookie header. The paths of this application have nothing else. */
const PLAIN_PATH = /^[A-Za-z0-9/_.-]*$/

/**
 * Where a cookie can come from that a browser sends with a request, other than from this application, which sets its own for
 * this host and the path `/`. Its path is a beginning of the path of the request, and its domain the host or a parent of it:
 * RFC 6265, sections 5.1.3 and 5.1.4. A browser ignores the domain of a public suffix, such as `co.uk`.
 */
export function placesOfDuplicates({ url, host }: { url: string; host: string }): CookiePlace[] {
  const paths = pathsOf(url.split('?', 1)[0] ?? '')
  const domains = domainsOf(host)
  return paths.flatMap((path) => [...(path === '/' ? [] : [{ path }]), ...domains.map((domain) => ({ path, domain }))])
}

/** '/api/user' has '/', '/api', '/api/' and '/api/user', and the path of the stream, which removes no cookie itself. */
function pathsOf(path: string): string[] {
  if (!PLAIN_PATH.test(path)) return ['/', EVENTS_PATH]
  const parts = path.split('/').filter(Boolean)
  const beginnings = parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)
  const whole = beginnings.at(-1)
  const both = beginnings.flatMap((one) => (one === whole && !path.endsWith('/') ? [one] : [one, `${one}/`]))
  return ['/', EVENTS_PATH, ...both].slice(0, MOST_PATHS)
}

/**
 * 'a.example.org' has itself and 'example.org'. An address has none. Nor has a name without a dot: a browser takes the
 * domain 'localhost' for the host alone, and would remove the own cookie.
 */
function domainsOf(host: string): string[] {
  const name = host.replace(/:\d+$/, '').toLowerCase()
  if (!HOST_NAME.test(name) || isIP(name)) return []
  const labels = name.split('.')
  return labels
    .map((_, index) => labels.slice(index).join('.'))
    .slice(0, -1)
    .slice(0, MOST_DOMAINS)
}
