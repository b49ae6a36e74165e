import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { ErrorReply } from 'redis'

/** The address leads to something that is not the Redis that was expected. `advice` says what to do about it. */
export class WrongServer extends Error {
  override readonly name = 'WrongServer'
  readonly advice: string

  constructor(reason: string, advice: string) {
    super(reason)
    this.advice = advice
  }
}

interface Failure {
  error: unknown
  /** The address that was tried. */
  url: string
  deadlineMs: number
}

/** Redis is at maxclients: it says so and closes the connection. A client often sees the close only. */
const FULL = /max number of clients reached/
const CLOSED = /Socket closed unexpectedly|ECONNRESET/

const CHECK_ADDRESS = 'Check the host and the port in REDIS_URL'

/**
 * Finds out why a first connection to Redis failed. The error of a client does not say it: an HTTP server and a Redis at
 * maxclients both close the connection. So this connects once more and looks at the first bytes of the answer.
 *
 * Returns 'full' for a Redis at maxclients, a `WrongServer` for anything that is not the expected Redis, and undefined
 * if the error of the client is the best explanation. Takes up to six times the deadline. Does not throw.
 */
export async function explainFailure({ error, url, deadlineMs }: Failure): Promise<'full' | WrongServer | undefined> {
  const reason = error instanceof Error ? error.message : ''
  if (FULL.test(reason)) return 'full'
  if (reason.startsWith('DENIED ')) return inProtectedMode()
  if (error instanceof ErrorReply) return undefined
  const address = new URL(url)
  const isTls = address.protocol === 'rediss:'
  const own = await probe(address, isTls, deadlineMs)
  switch (own) {
    case 'full':
      return 'full'
    case 'unreachable':
      return undefined
    case 'redis':
      // It had no room a moment ago, and has now.
      return CLOSED.test(reason) ? 'full' : undefined
    case 'http':
      return new WrongServer('the server there speaks HTTP. It does not speak the Redis protocol', CHECK_ADDRESS)
    case 'denied':
      return inProtectedMode()
    case 'other':
      return new WrongServer('the server there does not speak the Redis protocol', CHECK_ADDRESS)
    default:
      return explainSilence(own, await probe(address, !isTls, deadlineMs), isTls)
  }
}

/** `own` is what came back as REDIS_URL says, `other` what came back with TLS if that is without, or without if it is with. */
function explainSilence(own: 'silent' | 'closed', other: Answer, isTls: boolean): 'full' | WrongServer {
  if (other === 'http')
    return new WrongServer('the server there speaks HTTP. It does not speak the Redis protocol', CHECK_ADDRESS)
  if (isTls && (other === 'redis' || other === 'full'))
    return new WrongServer('the Redis there does not speak TLS', 'Write redis:// instead of rediss:// in REDIS_URL')
  if (!isTls && other === 'redis')
    return new WrongServer('the Redis there speaks TLS only', 'Write rediss:// instead of redis:// in REDIS_URL')
  if (!isTls && other === 'other')
    return new WrongServer('the server there speaks TLS, and not the Redis protocol', CHECK_ADDRESS)
  // At maxclients, Redis closes a connection before the TLS handshake and cannot say why.
  if (isTls && own === 'closed' && other === 'closed') return 'full'
  const what =
    own === 'closed' ? 'closes the connection without an answer' : 'accepts the connection and does not answer'
  return new WrongServer(`the server there ${what}. It does not speak the Redis protocol, or it hangs`, CHECK_ADDRESS)
}

const inProtectedMode = () =>
  new WrongServer(
    'Redis is in protected mode and rejects clients of other machines',
    'Give Redis a password, and name its file in REDIS_PASSWORD_FILE',
  )

type Answer = 'redis' | 'full' | 'denied' | 'http' | 'other' | 'silent' | 'closed' | 'unreachable'

async function probe({ hostname, port }: URL, isTls: boolean, deadlineMs: number): Promise<Answer> {
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const target = { host, port: Number(port || 6379) }
  // Only a question is asked here, and nothing secret is sent: the certificate does not matter.
  const socket = isTls ? connectTls({ ...target, rejectUnauthorized: false }) : connect(target)
  try {
    if (!(await isOpened(socket, isTls ? 'secureConnect' : 'connect', 2 * deadlineMs))) return 'silent'
    // Redis at maxclients speaks first. What is sent to it then can make the system drop what it said.
    const greeting = await firstBytes(socket, deadlineMs)
    if (greeting !== 'silent') return classify(greeting)
    socket.write('PING\r\n')
    return classify(await firstBytes(socket, deadlineMs))
  } catch (error) {
    return wasConnected(socket, error) ? 'closed' : 'unreachable'
  } finally {
    socket.destroy()
  }
}

/** False if it takes too long. */
async function isOpened(socket: Socket, event: string, patienceMs: number): Promise<boolean> {
  const signal = AbortSignal.timeout(patienceMs)
  try {
    await once(socket, event, { signal })
    return true
  } catch (error) {
    if (signal.aborted) return false
    throw error
  }
}

/** What the other side says, 'silent' if it says nothing for so long, '' if it closes the connection instead. */
function firstBytes(socket: Socket, patienceMs: number): Promise<string> {
  return new Promise((resolve) => {
    const settle = (answer: string) => {
      clearTimeout(timer)
      socket.removeAllListeners('data').removeAllListeners('error').removeAllListeners('close')
      socket.on('error', () => {})
      resolve(answer)
    }
    const timer = setTimeout(() => settle('silent'), patienceMs)
    socket.on('data', (bytes) => settle(bytes.toString('latin1')))
    socket.on('error', () => settle(''))
    socket.on('close', () => settle(''))
  })
}

function classify(answer: string): Answer {
  if (answer === '') return 'closed'
  if (answer === 'silent') return 'silent'
  if (FULL.test(answer)) return 'full'
  if (answer.startsWith('-DENIED ')) return 'denied'
  // PONG, or an error such as -NOAUTH and -LOADING.
  if (/^(\+PONG\r|-[A-Z]+ )/.test(answer)) return 'redis'
  if (answer.startsWith('HTTP/')) return 'http'
  // A TLS alert: RFC 8446, section 5.1. Asked with TLS, it will say more.
  if (answer.startsWith('\x15\x03')) return 'closed'
  return 'other'
}

/** A TLS handshake that fails has reached a server; so has a connection that was reset. */
function wasConnected(socket: Socket, error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return socket.remoteAddress !== undefined || /^(ECONNRESET|EPIPE|EPROTO|ERR_SSL)/.test(code)
}
