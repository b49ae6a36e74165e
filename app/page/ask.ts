import type { Answer, Body } from './answers.ts'
import { wait } from './dom.ts'

const PATIENCE_MS = 10_000
const PAUSE_MS = 300

export type Ask = (method: 'GET' | 'POST' | 'DELETE', path: string, json?: unknown) => Promise<Answer>

interface Parts {
  /** What stands before every path: nothing, or /control. */
  base: () => string
  /** Is told of every answer, whoever asked. */
  onAnswer: (answer: Answer) => void
  /** A cookie of another application was in the way, and is removed. */
  onCookieCleared: () => void
}

/** How the page talks to the nodes: one request to whichever the balancer picks. Does not throw. */
export function createAsk({ base, onAnswer, onCookieCleared }: Parts): Ask {
  return async (method, path, json) => {
    const asked = base()
    // A browser drops what is under way when the machine's network changes, as it does with every container that comes
    // or goes. What changes nothing can be asked again.
    let answer = await send(method, asked + path, json)
    if (answer.status === 0 && method === 'GET') {
      await wait(PAUSE_MS)
      answer = await send(method, asked + path, json)
    }
    if (answer.body.reason === 'ambiguous_cookie') {
      // Nothing was done, and the answer has removed the other cookie. If it still comes, the second answer says what to do.
      answer = await send(method, asked + path, json)
      if (answer.body.reason !== 'ambiguous_cookie') onCookieCleared()
    }
    // An answer from the other side of the experiment, that was still under way when the switch was flipped, is nobody's.
    if (asked === base()) onAnswer(answer)
    return answer
  }
}

async function send(method: string, path: string, json: unknown): Promise<Answer> {
  try {
    const response = await fetch(path, {
      method,
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...(json === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(json) }),
    })
    const text = await response.text()
    const body: Body = text === '' ? {} : JSON.parse(text)
    return {
      status: response.status,
      servedBy: response.headers.get('X-Served-By') ?? '',
      retryAfterSeconds: Number(response.headers.get('Retry-After') ?? 1),
      body,
    }
  } catch {
    return {
      status: 0,
      servedBy: '',
      retryAfterSeconds: 1,
      body: { title: 'No answer', detail: 'Is the stack up? See: make ps' },
    }
  }
}

export const explain = ({ body }: Answer) => [body.title, body.detail].filter(Boolean).join('. ').replaceAll('..', '.')
