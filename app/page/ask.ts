import type { Answer, Body } from './answers.ts'
import { wait } from './dom.ts'

const TIMEOUT_MS = 10_000
const RETRY_MS = 300

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/** A request that was answered, or failed. */
export interface Asked {
  method: Method
  path: string
  /** From its start to its answer. */
  ms: number
}

/** `type`: of the body. Default: application/json. */
export type Ask = (method: Method, path: string, json?: unknown, type?: string) => Promise<Answer>

interface Parts {
  /** Prefix of every path: empty, or /control. */
  base: () => string
  onAnswer: (answer: Answer, asked: Asked) => void
  /** The server removed a cookie that another application had set. */
  onCookieCleared: () => void
}

/** Sends one request to the node that the balancer picks. Does not throw. */
export function createAsk({ base, onAnswer, onCookieCleared }: Parts): Ask {
  return async (method, path, json, type) => {
    const prefix = base()
    const startedAt = performance.now()
    let answer = await send(method, prefix + path, json, type)
    // A browser aborts its requests when the network changes, which each container that starts or stops causes.
    if (answer.status === 0 && method === 'GET') {
      await wait(RETRY_MS)
      answer = await send(method, prefix + path, json, type)
    }
    if (answer.body.reason === 'ambiguous_cookie') {
      // The server did nothing but remove the other cookie. If that failed, the second answer says what to do.
      answer = await send(method, prefix + path, json, type)
      if (answer.body.reason !== 'ambiguous_cookie') onCookieCleared()
    }
    // If the user flipped the switch of the experiment meanwhile, the answer belongs to the other nodes.
    if (prefix === base()) onAnswer(answer, { method, path, ms: performance.now() - startedAt })
    return answer
  }
}

async function send(method: string, path: string, json: unknown, type = 'application/json'): Promise<Answer> {
  try {
    const response = await fetch(path, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(json === undefined ? {} : { headers: { 'Content-Type': type }, body: JSON.stringify(json) }),
    })
    const text = await response.text()
    const body: Body = text === '' ? {} : JSON.parse(text)
    return {
      status: response.status,
      servedBy: response.headers.get('X-Served-By') ?? '',
      isFailedOver: response.headers.has('X-Failed-Over'),
      retryAfterSeconds: Number(response.headers.get('Retry-After') ?? 1),
      body,
    }
  } catch {
    const body = { title: 'No response from the server', detail: 'Check that the stack is running: make ps' }
    return { status: 0, servedBy: '', isFailedOver: false, retryAfterSeconds: 1, body }
  }
}

export const explain = ({ body }: Answer) => [body.title, body.detail].filter(Boolean).join('. ').replaceAll('..', '.')
