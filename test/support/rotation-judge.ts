// Checks every response against the store's guarantees for the tokens of one session.

export interface Request {
  token: string
  startedMs: number
  /** The session had certainly ended when the request was sent. */
  isAfterEnd: boolean
  /** When the response arrived or the node crashed. */
  answeredMs?: number
  answer?: { isHonoured: boolean; next?: string | undefined } | 'logged out'
}

interface Parts {
  now: () => number
  loggedInMs: number
  graceMs: number
  ttlMs: number
  /** Whether a logout has been sent so far. */
  isLogoutSent: () => boolean
}

export type RotationJudge = ReturnType<typeof createRotationJudge>

export function createRotationJudge({ now, loggedInMs, graceMs, ttlMs, isLogoutSent }: Parts) {
  /** All requests, also interrupted ones. */
  const requests: Request[] = []
  const order = createTokenOrder()
  let isEnded = false
  let lastUseMs = loggedInMs
  let fault: string | undefined

  /** Whether a later token was used at least one grace period before this time. */
  const isReuse = (token: string, atMs: number, usedMs: (one: Request) => number | undefined) =>
    requests.some((one) => order.isLater(one.token, token) && atMs >= (usedMs(one) ?? Infinity) + graceMs)

  /** Whether a started logout, a reused token or the idle timeout may have ended the session. */
  const mayHaveEnded = () =>
    isEnded ||
    isLogoutSent() ||
    requests.some((one) => isReuse(one.token, one.answeredMs ?? now(), ({ startedMs }) => startedMs)) ||
    now() - lastUseMs >= ttlMs

  function judge({ token, answer, startedMs, isAfterEnd }: Request): void {
    const mustEnd = isReuse(token, startedMs, honouredMs)
    if (answer === 'logged out') isEnded = true
    else if (answer?.isHonoured) {
      if (isAfterEnd) fault = 'an ended session was accepted'
      if (mustEnd) fault = 'two tokens were accepted after the grace period'
      lastUseMs = now()
    } else {
      if (!mayHaveEnded()) fault = 'a live session was rejected'
      if (mustEnd) isEnded = true
    }
  }

  return {
    fault: () => fault,

    sent(token: string): Request {
      const request: Request = { token, startedMs: now(), isAfterEnd: isEnded }
      requests.push(request)
      return request
    },

    answered(request: Request, answer: NonNullable<Request['answer']>): void {
      Object.assign(request, { answer, answeredMs: now() })
      judge(request)
      if (typeof answer === 'object' && answer.next !== undefined) order.add(request.token, answer.next)
    },

    /** The fault at the end, when these tokens are still accepted. `newest` is the browser's token. */
    faultAtEnd(honoured: readonly string[], newest: string): string | undefined {
      if (isEnded && honoured.length > 0) return 'an ended session was accepted at the end'
      if (!mayHaveEnded() && !honoured.includes(newest)) return 'the session was lost at the end'
      const isBoth = honoured.some((token) => isReuse(token, now(), honouredMs))
      return isBoth ? 'two tokens were accepted at the end' : undefined
    },

    /** The state on which later judgements depend. */
    state: () => [isEnded, lastUseMs, usesOf(requests)],
  }
}

const honouredMs = ({ answer, answeredMs }: Request) =>
  typeof answer === 'object' && answer.isHonoured ? answeredMs : undefined

function createTokenOrder() {
  /** For each token, the new tokens in its responses. */
  const successors = new Map<string, Set<string>>()

  function isLater(later: string, earlier: string): boolean {
    return [...(successors.get(earlier) ?? [])].some((next) => next === later || isLater(later, next))
  }

  return {
    isLater,
    add: (token: string, next: string) => void successors.set(token, (successors.get(token) ?? new Set()).add(next)),
  }
}

/** The first and last use of each token. */
function usesOf(requests: readonly Request[]): [string, number[]][] {
  const uses = new Map<string, number[]>()
  for (const request of requests) {
    const [first = Infinity, firstHonoured = Infinity, last = 0] = uses.get(request.token) ?? []
    uses.set(request.token, [
      Math.min(first, request.startedMs),
      Math.min(firstHonoured, honouredMs(request) ?? Infinity),
      Math.max(last, request.answeredMs ?? 0),
    ])
  }
  return [...uses].sort(([a], [b]) => (a < b ? -1 : 1))
}
