import { ConnectionTimeoutError, ErrorReply } from '@redis/client'
import type { RedisOptions } from './create-client.ts'
import { DeadlineMissed } from './deadline.ts'
import { type Answer, FULL, probe } from './probe.ts'

/** The server at the address is not the expected Redis. `advice` says what to do. */
export class WrongServer extends Error {
  override readonly name: string = 'WrongServer'
  readonly advice: string

  constructor(reason: string, advice = 'Check the host and the port in REDIS_URL') {
    super(reason)
    this.advice = advice
  }
}

type Failure = Pick<RedisOptions, 'url' | 'deadlineMs'> & { error: unknown }

const CLOSED = /Socket closed unexpectedly|ECONNRESET/
const SPEAKS_HTTP = 'the server there speaks HTTP. It does not speak the Redis protocol'

/**
 * Finds out why a first connection to Redis failed. The error of the client does not show it: an HTTP server and a Redis at
 * maxclients both close the connection. So this connects once more and reads the first bytes of the answer.
 *
 * Returns 'full' for a Redis at maxclients, 'late' for one that answers now and was too slow, a `WrongServer` for a server that is
 * not the expected Redis, and undefined if the error of the client is the best explanation. Takes up to six times the deadline.
 * Does not throw.
 */
export async function explainFailure(failure: Failure): Promise<'full' | 'late' | WrongServer | undefined> {
  const { error, url, deadlineMs } = failure
  const reason = error instanceof Error ? error.message : ''
  if (FULL.test(reason)) return 'full'
  if (reason.startsWith('DENIED ')) return inProtectedMode()
  if (error instanceof ErrorReply) return undefined
  const address = new URL(url)
  const isTls = address.protocol === 'rediss:'
  const own = await probe(address, isTls, deadlineMs)
  if (own === 'silent' || own === 'closed') return explainSilence(own, await probe(address, !isTls, deadlineMs), isTls)
  // A Redis that answers now was at maxclients a moment ago.
  if (own === 'full' || (own === 'redis' && CLOSED.test(reason))) return 'full'
  if (own === 'redis' && isLate(error)) return 'late'
  if (own === 'denied') return inProtectedMode()
  if (own === 'http') return new WrongServer(SPEAKS_HTTP)
  if (own === 'other') return new WrongServer('the server there does not speak the Redis protocol')
  return undefined
}

const isLate = (error: unknown) => error instanceof DeadlineMissed || error instanceof ConnectionTimeoutError

/** `own` is the answer with or without TLS, as in REDIS_URL. `other` is the answer to the opposite. */
function explainSilence(own: 'silent' | 'closed', other: Answer, isTls: boolean): 'full' | WrongServer {
  if (other === 'http') return new WrongServer(SPEAKS_HTTP)
  if (isTls && (other === 'redis' || other === 'full'))
    return new WrongServer('the Redis there does not speak TLS', 'Write redis:// instead of rediss:// in REDIS_URL')
  if (!isTls && other === 'redis')
    return new WrongServer('the Redis there speaks TLS only', 'Write rediss:// instead of redis:// in REDIS_URL')
  if (!isTls && other === 'other') return new WrongServer('the server there speaks TLS, and not the Redis protocol')
  // At maxclients, Redis closes a connection before the TLS handshake and cannot say why.
  if (isTls && own === 'closed' && other === 'closed') return 'full'
  const what =
    own === 'closed' ? 'closes the connection without an answer' : 'accepts the connection and does not answer'
  return new WrongServer(`the server there ${what}. It does not speak the Redis protocol, or it hangs`)
}

const inProtectedMode = () =>
  new WrongServer(
    'Redis is in protected mode and rejects clients of other machines',
    'Give Redis a password, and name its file in REDIS_PASSWORD_FILE',
  )
