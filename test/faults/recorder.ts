import { type Answer, type Credentials, createVisitor, type Visitor } from '../lib/visitor.ts'

/** One request and what came of it. */
export interface Operation {
  kind: 'login' | 'ask' | 'ask-ended' | 'logout'
  startedMs: number
  tookMs: number
  /** 0: there was no answer. */
  status: number
  servedBy: string
  /** Why there was no answer. */
  error?: string
}

/** A promise that was broken: a session lost, one that came back, another user's data, a cookie taken away. */
export interface Violation {
  atMs: number
  what: 'lost' | 'returned' | 'wrong user' | 'cookie cleared'
  detail: string
}

interface KnownSession {
  visitor: Visitor
  username: string
  id: string
  /** `ending`: a logout was sent, and nobody knows what became of it. `unknown`: no claim is made. */
  state: 'living' | 'ending' | 'ended' | 'unknown'
  /** When the server acknowledged the login, and then the logout. */
  changedMs: number
}

export type Recorder = ReturnType<typeof createRecorder>

/** Under this name the recorder's sessions are listed among a user's own. */
export const AGENT = 'chaos'
/** What Redis may lose when it is killed: docs/faults.md says why. */
const UNSAVED_MS = 1_000

/** How many sessions that have ended are remembered, and how many are asked for at once. */
const MOST_ENDED = 60
const AT_ONCE = 8

const RIGHT: Record<Operation['kind'], number> = { login: 200, ask: 200, 'ask-ended': 401, logout: 204 }
export const isRight = ({ kind, status }: Pick<Operation, 'kind' | 'status'>) => status === RIGHT[kind]

/**
 * Uses sessions, keeps everything that was acknowledged, and holds each later answer against it: who is logged in and has
 * not logged out is honoured, as that very user and with that very session; who has logged out is refused, for ever.
 */
export function createRecorder(url: string, now: () => number = stopwatch()) {
  const operations: Operation[] = []
  const violations: Violation[] = []
  const sessions: KnownSession[] = []
  const underWay = new Set<Promise<unknown>>()

  async function operate(kind: Operation['kind'], send: () => Promise<Answer>) {
    const startedMs = now()
    // Whatever keeps an answer from coming: no connection, one that was cut, or patience that ended.
    let failure: string | undefined
    const sent = send().catch((error: Error) => {
      if (error.name === 'AssertionError') throw error
      failure = reasonOf(error)
    })
    underWay.add(sent)
    const answer = await sent.finally(() => underWay.delete(sent))
    const { status = 0, servedBy = 'nobody' } = answer ?? {}
    const tookMs = now() - startedMs
    const error = failure === undefined ? {} : { error: failure }
    const operation: Operation = { kind, startedMs, tookMs, status, servedBy, ...error }
    operations.push(operation)
    return { operation, answer }
  }

  const violate = (what: Violation['what'], detail: string) => violations.push({ atMs: now(), what, detail })

  async function logIn(account: Credentials): Promise<void> {
    const visitor = createVisitor(url, { agent: AGENT })
    const { answer } = await operate('login', () => visitor.logIn(account))
    const id = answer?.body.session?.id
    if (answer?.status !== 200 || id === undefined) return
    sessions.push({ visitor, username: account.username, id, state: 'living', changedMs: now() })
  }

  /** Asks who this is, and says whether that was answered, rightly or not. */
  async function ask(session: KnownSession): Promise<boolean> {
    const { visitor, state, username, id } = session
    const { operation, answer } = await operate(state === 'living' ? 'ask' : 'ask-ended', () => visitor.whoAmI())
    if (!answer) return false
    const { status, servedBy, body } = answer
    if (status >= 500 && answer.headers.getSetCookie().length > 0)
      violate('cookie cleared', `by a ${status} of ${servedBy}`)
    if (status === 200 && (body.user?.username !== username || body.session?.id !== id))
      violate('wrong user', `${servedBy} took ${username}'s session for ${body.user?.username}'s`)
    // A logout that was sent meanwhile, or a Redis that died: what was under way may have met either state.
    if (session.state !== state) {
      if (status === 401) operation.kind = 'ask-ended'
      return true
    }
    if (status === 401 && state === 'living') {
      violate('lost', `a session of ${username}, ${secondsSince(session)} s old, was refused by ${servedBy}`)
      // Once is enough.
      session.state = 'unknown'
    }
    if (status === 200 && state === 'ended')
      violate(
        'returned',
        `a session of ${username}, logged out ${secondsSince(session)} s before, was honoured by ${servedBy}`,
      )
    return status === 200 || status === 401
  }

  async function logOut(session: KnownSession): Promise<void> {
    session.state = 'ending'
    const { answer } = await operate('logout', () => session.visitor.copy().logOut())
    if (answer?.status !== 204) return
    session.state = 'ended'
    session.changedMs = now()
  }

  const secondsSince = ({ changedMs }: KnownSession) => ((now() - changedMs) / 1000).toFixed(1)
  const inState = (...states: KnownSession['state'][]) => sessions.filter(({ state }) => states.includes(state))

  return {
    operations,
    violations,
    now,
    logIn,
    ask,
    logOut,
    inState,
    underWay: () => underWay.size,
    hasServed: (node: string, sinceMs: number) =>
      operations.some(({ servedBy, startedMs }) => servedBy === node && startedMs > sinceMs),
    /** What was both asked and answered in this time. */
    between: (fromMs: number, toMs: number) =>
      operations.filter(({ startedMs, tookMs }) => startedMs > fromMs && startedMs + tookMs < toMs),
    /** Waits for the answers to all that has been sent so far. */
    settled: async () => void (await Promise.allSettled(underWay)),

    /**
     * Redis dies during `die`. What it acknowledged in the second before that, or while it happens, may be gone: nothing
     * is claimed of those sessions any more.
     */
    async whileRedisDies(die: () => Promise<unknown>): Promise<void> {
      const from = now() - UNSAVED_MS
      await die()
      for (const session of sessions) if (session.changedMs >= from) session.state = 'unknown'
    },

    /** Asks for every session that anything is claimed of, until each has been answered. */
    async askForAll(): Promise<void> {
      const waiting = inState('living', 'ended')
      const askInTurn = async () => {
        for (let session = waiting.pop(); session; session = waiting.pop())
          for (let attempt = 0; attempt < 5 && !(await ask(session)); attempt++);
      }
      await Promise.all(Array.from({ length: AT_ONCE }, askInTurn))
      // In a long run there are more and more of those that have ended. The last ones stand for all.
      const old = new Set(inState('ended').slice(0, -MOST_ENDED))
      sessions.splice(0, sessions.length, ...sessions.filter((session) => !old.has(session)))
    },

    /** Logs out all that is left, also of logins of which no answer was seen. */
    async leaveNothing(accounts: readonly Credentials[]): Promise<void> {
      for (const session of inState('living', 'ending', 'unknown')) await session.visitor.logOut().catch(() => {})
      for (const account of accounts) {
        const visitor = createVisitor(url, { agent: AGENT })
        await visitor.logIn(account)
        const { body } = await visitor.ask('/api/sessions')
        for (const { agent, id, current } of body.sessions ?? [])
          if (agent === AGENT && !current) await visitor.ask(`/api/sessions/${id}`, { method: 'DELETE' })
        await visitor.logOut()
      }
    },
  }
}

/** fetch says "fetch failed", and its cause why. */
function reasonOf({ name, message, cause }: Error): string {
  if (!(cause instanceof Error)) return `${name}: ${message}`
  return 'code' in cause ? String(cause.code) : cause.message
}

function stopwatch(): () => number {
  const startedAt = performance.now()
  return () => performance.now() - startedAt
}
