import type { IncomingMessage } from 'node:http'

const ABSOLUTE_FORM = /^[a-z][a-z0-9+.-]*:\/\//i

/**
 * Where the target of a request has a host (`GET http://host/path`), that host counts and the header Host is ignored:
 * RFC 9112, 3.2.2. Puts it into the header, so that what is checked is what is used, and leaves the path in `url`.
 */
export function takeHostFromTarget(req: IncomingMessage): void {
  const target = req.url ?? ''
  if (!ABSOLUTE_FORM.test(target) || !URL.canParse(target)) return
  const { host, pathname, search } = new URL(target)
  req.headers.host = host
  req.url = (pathname || '/') + search
}

/** Whether there is one Host header, as HTTP/1.1 asks for: RFC 9112, 3.2. Before, there may be none. */
export function hasOneHost({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  const count = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length
  return count === 1 || (count === 0 && httpVersion === '1.0')
}
