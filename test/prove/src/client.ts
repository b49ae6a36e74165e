import { performance } from 'node:perf_hooks'
import type { Spoken } from '../../../loadtest/lib/app-speech.ts'

/** A response, or that none came. */
export interface Answer {
  /** 0 without a response. */
  status: number
  headers: Readonly<Record<string, string>>
  setCookies: readonly string[]
  text: string
  ms: number
  /** Why there is no response. */
  failure?: string
}

/** The run has sent as many requests as it may, or has taken as long. */
export class OutOfBounds extends Error {}

interface Given {
  url: string
  maxRequests: number
  maxSeconds: number
  signal: AbortSignal
}

export interface Client {
  send(spoken: Spoken, options?: { cookie?: string; deadlineMs?: number }): Promise<Answer>
  /** Requests so far. */
  count(): number
  /** From now on only as many requests as are needed to leave. */
  leave(): void
}

/** A request that takes longer counts as hanging. */
export const HANG_MS = 10_000
/** What is left of the bounds for logging out. */
const TO_LEAVE = 300

/** Sends requests, each on a connection of its own: a balancer may distribute connections. Throws only `OutOfBounds`. */
export function createClient({ url, maxRequests, maxSeconds, signal }: Given): Client {
  const endsAtMs = performance.now() + maxSeconds * 1000
  let sent = 0
  let isLeaving = false

  function checkBounds(): void {
    if (isLeaving) {
      if (sent >= maxRequests + TO_LEAVE) throw new OutOfBounds('no requests are left to log out')
      return
    }
    signal.throwIfAborted()
    if (sent >= maxRequests) throw new OutOfBounds(`the run has sent ${maxRequests} requests, which is its limit`)
    if (performance.now() > endsAtMs)
      throw new OutOfBounds(`the run has taken ${maxSeconds} seconds, which is its limit`)
  }

  return {
    count: () => sent,
    leave() {
      isLeaving = true
    },
    async send({ method, path, headers, body }, { cookie = '', deadlineMs = HANG_MS } = {}) {
      checkBounds()
      sent++
      const startedMs = performance.now()
      const ms = () => performance.now() - startedMs
      try {
        const response = await fetch(new URL(path, url), {
          method,
          headers: { ...headers, Connection: 'close', ...(cookie === '' ? {} : { Cookie: cookie }) },
          redirect: 'manual',
          signal: AbortSignal.timeout(deadlineMs),
          ...(body === undefined ? {} : { body }),
        })
        const text = await response.text()
        const setCookies = response.headers.getSetCookie()
        return { status: response.status, headers: Object.fromEntries(response.headers), setCookies, text, ms: ms() }
      } catch (error) {
        return { status: 0, headers: {}, setCookies: [], text: '', ms: ms(), failure: reasonOf(error, deadlineMs) }
      }
    },
  }
}

function reasonOf(error: unknown, deadlineMs: number): string {
  if (!(error instanceof Error)) return 'no response'
  if (error.name === 'TimeoutError') return `no response within ${deadlineMs / 1000} s`
  const { cause } = error
  return cause instanceof Error && 'code' in cause ? `no response (${cause.code})` : 'no response'
}
