import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from '../logger.ts'
import { isPrivate, pathOf } from './paths.ts'
import { dataPolicies } from './policy-headers.ts'
import { Problem, TEXTS } from './problem.ts'
import { createServedHosts } from './request-host.ts'

// Problems (RFC 9457) that do not come from the Express app.

const BARE_TEXTS = { ...TEXTS, 503: ['No node is ready', 'Try again in a moment.'] } as const
type Status = keyof typeof BARE_TEXTS

/** With the headers that every answer of the app has. `node` is the name in X-Served-By. */
function createAnswer(node: string, status: Status, requestId: string = randomUUID()) {
  const [title, detail] = BARE_TEXTS[status]
  const body = JSON.stringify(new Problem(status, title, detail))
  const headers = {
    'X-Served-By': node,
    'X-Request-Id': requestId,
    ...dataPolicies,
    'Content-Type': 'application/problem+json',
    'Content-Length': String(Buffer.byteLength(body)),
  }
  return { headers, body }
}

/** Answers and logs the requests that must not reach the app, and closes their connections. */
export function createParserAnswers({ node, log }: { node: string; log: Logger }) {
  function prepare(status: Status, reason: string) {
    const { headers, body } = createAnswer(node, status)
    log.info({ requestId: headers['X-Request-Id'], status, reason }, 'request')
    return { headers: { ...headers, Connection: 'close' }, body }
  }

  function end(socket: Duplex, status: Status, reason: string, moreHeaders: Record<string, string> = {}): void {
    const { headers, body } = prepare(status, reason)
    const lines = Object.entries({ ...headers, ...moreHeaders }).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
  }

  return {
    /** For a request that Node cannot parse. */
    onClientError({ code, message }: NodeJS.ErrnoException, socket: Duplex): void {
      if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
      const status = code === 'HPE_HEADER_OVERFLOW' ? 431 : code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
      end(socket, status, code ?? message)
    },
    /** For a client that takes this server for a proxy. */
    onConnect(_req: IncomingMessage, socket: Duplex): void {
      socket.on('error', () => {})
      end(socket, 405, 'CONNECT', { Allow: 'GET, HEAD, POST, DELETE, OPTIONS' })
    },
    /** For a request without exactly one Host header. */
    rejectHosts(res: ServerResponse): void {
      const { headers, body } = prepare(400, 'Not one Host header')
      res.writeHead(400, headers).end(body)
    },
  }
}

/** The answers of the local balancer itself. `name` is its name in X-Served-By. */
export function createBalancerAnswers(name: string, { publicHost }: { publicHost: string | undefined }) {
  const isServedHost = createServedHosts({ publicHost })

  function fail(res: ServerResponse, status: Status): void {
    const { headers, body } = createAnswer(name, status, String(res.getHeader('X-Request-Id')))
    const retry = status >= 500 ? { 'Retry-After': '1' } : {}
    // Otherwise Node would take the unread rest of a body for the next request on the connection.
    res.writeHead(status, { ...headers, ...retry, ...(res.req.complete ? {} : { Connection: 'close' }) }).end(body)
  }

  return {
    /** Rejects a request for another host or for a private path, and returns whether it did. */
    reject(req: IncomingMessage, res: ServerResponse): boolean {
      const status = !isServedHost(req) ? 421 : isPrivate(pathOf(req.url ?? '')) ? 404 : undefined
      if (status) fail(res, status)
      return status !== undefined
    },
    fail,
  }
}
