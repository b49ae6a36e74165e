import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { ConfigError } from '../config.ts'

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

/** Starts to listen. Rejects with a ConfigError that names the variable when the address or the port cannot be used. */
export function listen(app: RequestListener, { host, port }: { host: string; port: number }): Promise<Server> {
  const limits = { headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: CHECK_MS }
  const server = createServer({ ...limits, keepAliveTimeout: KEEP_ALIVE_MS }, app)
  server.on('clientError', answerUnreadable)
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

/** What Node's parser cannot read never reaches Express. It gets a problem too, and the connection is closed. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, title] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [431, 'Request Header Fields Too Large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? [408, 'Request Timeout']
        : [400, 'Bad Request']
  const body = JSON.stringify({ type: 'about:blank', title, status, detail: 'The request cannot be read.' })
  const headers = {
    'Content-Type': 'application/problem+json',
    'Content-Length': body.length,
    'Content-Security-Policy': "default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
    Connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${title}\r\n${lines.join('')}\r\n${body}`)
}
