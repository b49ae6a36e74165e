import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigError } from '../environment.ts'
import { createParserAnswers } from '../http/bare-answers.ts'
import { hasOneHost, takeHostFromTarget } from '../http/request-host.ts'
import type { Logger } from '../logger.ts'

const OPTIONS = {
  /**
   * nginx keeps an idle connection to a node for 60 s (keepalive_timeout in its upstream). If the node closed it first, a POST
   * sent at that moment would be lost, because nginx may not repeat it. So the node waits longer.
   */
  keepAliveTimeout: 75_000,
  /** The time that a client has for its headers and for the whole request, and how often the server checks it. */
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  connectionsCheckingInterval: 2_000,
  /** Node's own rejection would not have the headers of the app. `hasOneHost` checks it instead. */
  requireHostHeader: false,
}
/**
 * Connections that wait to be accepted. With Node's default of 511, a burst of streams fills the queue, and nginx treats a
 * node that does not accept as failed. The system has its own limit: net.core.somaxconn, 4,096 on Linux.
 */
const BACKLOG = 4_096

interface Options {
  host: string
  port: number
  /** The name in X-Served-By of the answers that do not come from the app. */
  node: string
  log: Logger
}

/**
 * Starts to listen.
 * @throws {ConfigError} that names the variable, when the address or the port cannot be used
 */
export function listen(app: RequestListener, { host, port, node, log }: Options): Promise<Server> {
  const answers = createParserAnswers({ node, log })
  const onRequest: RequestListener = (req, res) => {
    if (!hasOneHost(req)) return answers.rejectHosts(res)
    takeHostFromTarget(req)
    return app(req, res)
  }
  const server = createServer(OPTIONS, onRequest)
  // Node's own rejection of an unknown expectation would not have the headers of the app.
  server.on('checkExpectation', onRequest)
  server.on('connect', answers.onConnect)
  server.on('clientError', answers.onClientError)
  return new Promise((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => {
      reject(new ConfigError(explainListenError(code ?? 'unknown', { host, port })))
    })
    server.listen({ port, host, backlog: BACKLOG }, () => resolve(server))
  })
}

function explainListenError(code: string, { host, port }: { host: string; port: number }): string {
  if (code === 'EADDRINUSE') return `PORT: ${port} is in use. Choose another: PORT=${port + 1}`
  if (code === 'EACCES') return `PORT: this user may not listen on ${port} (EACCES). Choose another: PORT=8080`
  return `LISTEN_HOST: cannot listen on ${host} (${code}). Use an address of this machine: LISTEN_HOST=127.0.0.1`
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
