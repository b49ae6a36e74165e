import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigError } from '../config.ts'
import type { Logger } from '../logger.ts'
import { hasOneHost, takeHostFromTarget } from './host-of-target.ts'
import { createUnreadable } from './unreadable.ts'

/**
 * nginx keeps an idle connection to a node for 60 s (keepalive_timeout in its upstream). If the node closed first, a
 * POST sent at that moment would be lost and nginx may not repeat it. So the node waits longer.
 */
const KEEP_ALIVE_MS = 75_000
/** Time for a client to send its headers, and for all of a request. What is over time is looked for this often. */
const HEADERS_MS = 10_000
const REQUEST_MS = 20_000
const CHECK_MS = 2_000
/**
 * Connections that wait to be accepted. With Node's default of 511, a burst of streams fills the queue, and nginx takes a
 * node that does not accept for one that is gone. The system has a limit of its own: net.core.somaxconn, 4,096 on Linux.
 */
const BACKLOG = 4_096

interface Options {
  host: string
  port: number
  node: string
  log: Logger
}

/**
 * Starts to listen. Rejects with a ConfigError that names the variable when the address or the port cannot be used.
 * @param node the name in the X-Served-By of what the app does not answer itself
 */
export function listen(app: RequestListener, { host, port, node, log }: Options): Promise<Server> {
  const limits = { headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: CHECK_MS }
  const unreadable = createUnreadable({ node, log })
  const onRequest: RequestListener = (req, res) => {
    if (!hasOneHost(req)) return unreadable.refuse(req, res)
    takeHostFromTarget(req)
    return app(req, res)
  }
  // Node itself would refuse a request without Host, and an expectation that it does not know, without any of our headers.
  const server = createServer({ ...limits, keepAliveTimeout: KEEP_ALIVE_MS, requireHostHeader: false }, onRequest)
  server.on('checkExpectation', onRequest)
  server.on('connect', unreadable.refuseConnect)
  server.on('clientError', unreadable.answer)
  return new Promise((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => {
      reject(new ConfigError(whyNotListening(code ?? 'unknown', { host, port })))
    })
    server.listen({ port, host, backlog: BACKLOG }, () => resolve(server))
  })
}

function whyNotListening(code: string, { host, port }: { host: string; port: number }): string {
  if (code === 'EADDRINUSE') return `PORT: ${port} is taken. Choose another: PORT=${port + 1}`
  if (code === 'EACCES') return `PORT: this user may not listen on ${port} (EACCES). Choose another: PORT=8080`
  return `LISTEN_HOST: cannot listen on ${host} (${code}). Use an address of this machine: LISTEN_HOST=127.0.0.1`
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
