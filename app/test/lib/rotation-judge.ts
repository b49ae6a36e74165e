// What the store promises of the tokens of one session, held against every answer.

export interface Request {
  token: string
  startedMs: number
  /** The session had ended for sure when it was sent. */
  isAfterEnd: boolean
  /** When the answer was there, or its node died. */
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

export function createRotationJudge({ now, loggedInMs, graceMs, ttlMs, isLogoutSent }: Parts) {
  /** Everything that was sent, also the requests that were cut off. */
  const requests: Request[] = []
  /** By token, those that an answer has brought for it. */
  const successors = new Map<string, Set<string>>()
  let isEnded = false
  let lastUseMs = loggedInMs
  let fault: string | undefined

  function isLater(later: string, earlier: string): boolean {
    return [...(successors.get(earlier) ?? [])].some((next) => next === later || isLater(later, next))
  }

  const honouredMs = ({ answer, answeredMs }: Request) =>
    typeof answer === 'object' && answer.isHonoured ? answeredMs : undefined

  /** Whether a later token had been used a grace before this time. */
  const isReuse = (token: string, atMs: number, usedMs: (one: Request) => number | undefined) =>
    requests.some((one) => isLater(one.token, token) && atMs >= (usedMs(one) ?? Infinity) + graceMs)

  /** By a logout that was begun, by a token that came back, or by the idle timeout. */
  const mayHaveEnded = () =>
    isEnded ||
    isLogoutSent() ||
    requests.some((one) => isReuse(one.token, one.answeredMs ?? now(), ({ startedMs }) => startedMs)) ||
    now() - lastUseMs >= ttlMs

  function judge({ token, answer, startedMs, isAfterEnd }: Request): void {
    const mustEnd = isReuse(token, startedMs, honouredMs)
    if (answer === 'logged out') isEnded = true
    else if (answer?.isHonoured) {
      if (isAfterEnd) fault = 'a session that had ended was honoured'
      if (mustEnd) fault = 'two tokens were honoured after the grace'
      lastUseMs = now()
    } else {
      if (!mayHaveEnded()) fault = 'a session that nothing had ended was refused'
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
      if (typeof answer === 'object' && answer.next !== undefined)
        successors.set(request.token, (successors.get(request.token) ?? new Set()).add(answer.next))
    },

    /** What is wrong where nothing more happens, and these tokens of all are honoured. `newest` is what the browser has. */
    faultAtEnd(honoured: readonly string[], newest: string): string | undefined {
      if (isEnded && honoured.length > 0) return 'a session that had ended was there at the end'
      if (!mayHaveEnded() && !honoured.includes(newest)) return 'the session was lost at the end'
      const isBoth = honoured.some((token) => isReuse(token, now(), honouredMs))
      return isBoth ? 'two tokens were honoured at the end' : undefined
    },

    /** What the judgement of later answers depends on: of each token, when it was used first and last. */
    state() {
      const uses = new Map<string, number[]>()
      for (const request of requests) {
        const [first = Infinity, firstHonoured = Infinity, last = 0] = uses.get(request.token) ?? []
        uses.set(request.token, [
          Math.min(first, request.startedMs),
          Math.min(firstHonoured, honouredMs(request) ?? Infinity),
          Math.max(last, request.answeredMs ?? 0),
        ])
      }
      return [isEnded, lastUseMs, [...uses].sort(([a], [b]) => (a < b ? -1 : 1))]
    },
  }
}
