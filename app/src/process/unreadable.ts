import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from '../logger.ts'
import { type BareAnswer, type BareProblem, createBareAnswers } from './bare-answer.ts'

const DETAIL = 'The request cannot be read.'
const BAD_REQUEST = { status: 400, title: 'Bad request', detail: DETAIL }
const PROBLEMS = new Map<string | undefined, BareProblem>([
  ['HPE_HEADER_OVERFLOW', { status: 431, title: 'Request header fields too large', detail: DETAIL }],
  ['ERR_HTTP_REQUEST_TIMEOUT', { status: 408, title: 'Request timeout', detail: 'It took too long to arrive.' }],
])
const NO_TUNNEL = { status: 405, title: 'Method not allowed', detail: 'CONNECT is not for any address here.' }
const METHODS = 'GET, HEAD, POST, DELETE, OPTIONS'

/** What Node's parser cannot read never reaches the app. It gets a problem too, a line in the log, and is disconnected. */
export function createUnreadable({ node, log }: { node: string; log: Logger }) {
  const answerOf = createBareAnswers(node)

  function note({ status, headers }: BareAnswer, reason: string): void {
    log.info({ requestId: headers['X-Request-Id'], status, reason }, 'request')
  }

  function end(socket: Duplex, answer: BareAnswer): void {
    const headers = Object.entries({ ...answer.headers, Connection: 'close' })
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`)
    socket.end(`HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\n${lines.join('')}\r\n${answer.body}`)
  }

  return {
    /** For `clientError`. */
    answer(error: NodeJS.ErrnoException, socket: Duplex): void {
      if (error.code === 'ECONNRESET' || !socket.writable) {
        socket.destroy()
        return
      }
      const answer = answerOf(PROBLEMS.get(error.code) ?? BAD_REQUEST)
      note(answer, error.code ?? error.message)
      end(socket, answer)
    },
    /** For a request that Node has read and no app should. */
    refuse(_req: IncomingMessage, res: ServerResponse): void {
      const answer = answerOf(BAD_REQUEST)
      note(answer, 'Not one Host header')
      res.writeHead(answer.status, { ...answer.headers, Connection: 'close' }).end(answer.body)
    },
    /** For `connect`: its client takes this for a proxy. */
    refuseConnect(_req: IncomingMessage, socket: Duplex): void {
      socket.on('error', () => {})
      const answer = answerOf(NO_TUNNEL)
      note(answer, 'CONNECT')
      end(socket, { ...answer, headers: { ...answer.headers, Allow: METHODS } })
    },
  }
}
