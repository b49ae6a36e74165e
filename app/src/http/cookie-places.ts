import { isIP } from 'node:net'
import { EVENTS_PATH, pathOf } from './paths.ts'

/** The Host header of a client must not decide the size of an answer. Real host names have fewer parts. */
const MAX_DOMAINS = 4
const MAX_PATHS = 8
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/
/** The characters of a path in a Set-Cookie header. The paths of this application have no others. */
const PLAIN_PATH = /^[A-Za-z0-9/_.-]*$/

/**
 * The places for which a browser can have cookies that it sends with a request, except that of this application's own cookie:
 * the path `/` without a domain. The path of a cookie is a prefix of the path of the request, and its domain is the host or a
 * parent of it: RFC 6265, sections 5.1.3 and 5.1.4. A browser ignores the domain of a public suffix, such as `co.uk`.
 */
export function placesOfDuplicates({ url, host }: { url: string; host: string }): { path: string; domain?: string }[] {
  const domains = domainsOf(host)
  return pathsOf(pathOf(url)).flatMap((path) => [
    ...(path === '/' ? [] : [{ path }]),
    ...domains.map((domain) => ({ path, domain })),
  ])
}

/** For '/api/user': '/', '/api', '/api/' and '/api/user', and the path of the stream, whose answer removes no cookie. */
function pathsOf(path: string): string[] {
  if (!PLAIN_PATH.test(path)) return ['/', EVENTS_PATH]
  const parts = path.split('/').filter(Boolean)
  const prefixes = parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)
  const whole = prefixes.at(-1)
  const both = prefixes.flatMap((one) => (one === whole && !path.endsWith('/') ? [one] : [one, `${one}/`]))
  return ['/', EVENTS_PATH, ...both].slice(0, MAX_PATHS)
}

/**
 * For 'a.example.org': itself and 'example.org'. For an address and for a name without a dot: none. A browser takes the domain
 * 'localhost' for the host alone, and would remove the cookie of this application.
 */
function domainsOf(host: string): string[] {
  const name = host.replace(/:\d+$/, '').toLowerCase()
  if (!HOST_NAME.test(name) || isIP(name)) return []
  const labels = name.split('.')
  const domains = labels.map((_, index) => labels.slice(index).join('.'))
  return domains.slice(0, -1).slice(0, MAX_DOMAINS)
}
