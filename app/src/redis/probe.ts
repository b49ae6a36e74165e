import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Redis at maxclients sends this and closes the connection. A client often notices only the close. */
export const FULL = /max number of clients reached/

/** What a server answers. 'silent' if it does not answer, 'closed' if it closes the connection. */
export type Answer = 'redis' | 'full' | 'denied' | 'http' | 'other' | 'silent' | 'closed' | 'unreachable'

/** Connects once and reads the first bytes of the answer. Takes up to four times the deadline. Does not throw. */
export async function probe({ hostname, port }: URL, isTls: boolean, deadlineMs: number): Promise<Answer> {
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const target = { host, port: Number(port || 6379) }
  // The certificate does not matter, because nothing secret is sent.
  const socket = isTls ? connectTls({ ...target, rejectUnauthorized: false }) : connect(target)
  socket.setEncoding('latin1').on('error', () => {})
  const opening = AbortSignal.timeout(2 * deadlineMs)
  try {
    await once(socket, isTls ? 'secureConnect' : 'connect', { signal: opening })
    // A Redis at maxclients sends its error first. Sending to it then can make the system drop that error.
    const greeting = await firstBytes(socket, deadlineMs)
    if (greeting !== 'silent') return classify(greeting)
    socket.write('PING\r\n')
    return classify(await firstBytes(socket, deadlineMs))
  } catch (error) {
    if (opening.aborted) return 'silent'
    return wasConnected(socket, error) ? 'closed' : 'unreachable'
  } finally {
    socket.destroy()
  }
}

/** The first bytes from the server. 'silent' if none come in time, '' if it closes the connection. */
async function firstBytes(socket: Socket, deadlineMs: number): Promise<string> {
  const signal = AbortSignal.timeout(deadlineMs)
  const sent = once(socket, 'data', { signal }).then(([text]) => String(text))
  const closed = once(socket, 'close', { signal }).then(() => '')
  return Promise.race([sent, closed]).catch(() => (signal.aborted ? 'silent' : ''))
}

function classify(answer: string): Answer {
  if (answer === '') return 'closed'
  if (answer === 'silent') return 'silent'
  if (FULL.test(answer)) return 'full'
  if (answer.startsWith('-DENIED ')) return 'denied'
  // PONG, or an error such as -NOAUTH and -LOADING.
  if (/^(\+PONG\r|-[A-Z]+ )/.test(answer)) return 'redis'
  if (answer.startsWith('HTTP/')) return 'http'
  // A TLS alert: RFC 8446, section 5.1. A probe with TLS shows more.
  if (answer.startsWith('\x15\x03')) return 'closed'
  return 'other'
}

/** A failed TLS handshake, or a reset, shows that a server was reached. */
function wasConnected(socket: Socket, error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return socket.remoteAddress !== undefined || /^(ECONNRESET|EPIPE|EPROTO|ERR_SSL)/.test(code)
}
