import type { IncomingMessage } from 'node:http'
import { isIPv6 } from 'node:net'

const ABSOLUTE_FORM = /^[a-z][a-z0-9+.-]*:\/\//i
/** A Host header. The first group is the name without the port. */
const HOST = /^(\[[0-9a-f:.]+\]|[^:[\]/@\s]+)(?::\d*)?$/

/** Whether there is exactly one Host header, which HTTP/1.1 requires: RFC 9112, 3.2. HTTP/1.0 allows none. */
export function hasOneHost({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  let count = 0
  // `rawHeaders` alternates names and values. Every request passes this loop, so it creates no array.
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count === 1 || (count === 0 && httpVersion === '1.0')
}

/**
 * A host in the target of a request (`GET http://host/path`) replaces the Host header: RFC 9112, 3.2.2. This moves it into
 * the header, so all code checks and uses the same host, and leaves the path in `url`.
 */
export function takeHostFromTarget(req: IncomingMessage): void {
  const target = req.url ?? ''
  if (!ABSOLUTE_FORM.test(target) || !URL.canParse(target)) return
  const { host, pathname, search } = new URL(target)
  req.headers.host = host
  req.url = (pathname || '/') + search
}

/**
 * Returns a function that checks the host of a request, for nodes without nginx in front. Served are the local names of this
 * machine, PUBLIC_HOST, and the address to which the request came. This stops DNS rebinding: a page of another site whose
 * name resolves to this machine sends that name. An address instead of a name cannot resolve to another machine.
 */
export function createServedHosts({ publicHost }: { publicHost: string | undefined }) {
  const names = new Set(['localhost', '127.0.0.1', '[::1]', publicHost?.toLowerCase()])
  return ({ headers, socket }: IncomingMessage): boolean => {
    const name = HOST.exec((headers.host ?? '').toLowerCase())?.[1]?.replace(/\.$/, '')
    return name !== undefined && (names.has(name) || name === asHost(socket.localAddress))
  }
}

/** An address in the form of a URL. `::ffff:127.0.0.1` is an IPv4 address on an IPv6 socket. */
function asHost(address = ''): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
  return isIPv6(plain) ? `[${plain}]` : plain
}
