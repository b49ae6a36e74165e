import type { IncomingMessage } from 'node:http'
import { isIPv6 } from 'node:net'
import type { RequestHandler } from 'express'
import { Problem } from './problem.ts'

/** Whether the host that a request asks for is one of ours. */
export type ServedHosts = (req: IncomingMessage) => boolean

/** nginx says the same: nginx/nginx.conf. */
export const MISDIRECTED = {
  status: 421,
  title: 'Misdirected request',
  detail: 'No host of this name is served here. Whoever runs it can name one with PUBLIC_HOST.',
} as const

/** The name in a Host header, without the port. */
const HOST = /^(\[[0-9a-f:.]+\]|[^:[\]/@\s]+)(?::\d*)?$/

/**
 * The hosts that are served where no nginx with a list of its own is in front: this machine by its own names, PUBLIC_HOST,
 * and the address that the request came to. A page elsewhere whose name was made to lead here (DNS rebinding) asks for
 * another. A number in place of a name cannot be made to lead elsewhere.
 */
export function createServedHosts({ publicHost }: { publicHost: string | undefined }): ServedHosts {
  const names = new Set(['localhost', '127.0.0.1', '[::1]', publicHost?.toLowerCase()])
  return ({ headers, socket }) => {
    const name = HOST.exec((headers.host ?? '').toLowerCase())?.[1]?.replace(/\.$/, '')
    return name !== undefined && (names.has(name) || name === asHost(socket.localAddress))
  }
}

/** Refuses a request for a host that is not served. */
export const refuseOtherHosts =
  (isServed: ServedHosts): RequestHandler =>
  (req, _res, next) => {
    if (isServed(req)) return next()
    throw new Problem(MISDIRECTED.status, MISDIRECTED.title, MISDIRECTED.detail)
  }

/** An address as it is written in a URL; one of IPv4 that came to an IPv6 socket as what it is. */
function asHost(address = ''): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
  return isIPv6(plain) ? `[${plain}]` : plain
}
