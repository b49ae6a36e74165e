import { type Answer, type Credentials, createVisitor, type Visitor } from '../lib/visitor.ts'
import {
  AGENT,
  type KnownSession,
  type Operation,
  type Refusal,
  type RotationTimes,
  type StackAction,
  secondsSince,
  type Violation,
} from './history.ts'
import { explainRefusals } from './refusals.ts'

interface Given {
  now?: () => number
  rotation?: RotationTimes
}

export type Recorder = ReturnType<typeof createRecorder>

/** What Redis may lose when it is killed: docs/faults.md says why. */
const UNSAVED_MS = 1_000

/** How many sessions that have ended are remembered, and how many are asked for at once. */
const MOST_ENDED = 60
const AT_ONCE = 8
/** How often a session is asked for again whose refusal was no loss. */
const MOST_ROUNDS = 3
/** By how much sooner than this program expects a token may be due: its age is counted from the answer that brought it. */
const EARLY_MS = 200

const NO_ROTATION: RotationTimes = { everyMs: 0, graceMs: 0 }

/**
 * Uses sessions, keeps everything that was acknowledged, and holds each later answer against it: who is logged in and has
 * not logged out is honoured, as that very user and with that very session; who has logged out is refused, for ever. A
 * session that the stack evicted or revoked, and published as such, is no loss; neither is a replaced token after its grace.
 */
export function createRecorder(url: string, { now = stopwatch(), rotation = NO_ROTATION }: Given = {}) {
  const operations: Operation[] = []
  const violations: Violation[] = []
  const actions: StackAction[] = []
  const refusals: Refusal[] = []
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
    sessions.push({
      ...{ visitor, account, id, state: 'living', createdMs: now(), changedMs: now() },
      ...{ replaced: new Map<string, number>(), asking: 0, askedMs: now() },
    })
  }

  /** Asks who this is, and says whether that was answered, rightly or not. */
  async function ask(session: KnownSession): Promise<boolean> {
    const { state, id, account } = session
    const { username } = account
    // With a copy of the cookie: of two answers at once, the later one may bring the older token.
    const visitor = session.visitor.copy()
    const token = visitor.token()
    session.asking++
    session.askedMs = now()
    const { operation, answer } = await operate(state === 'living' ? 'ask' : 'ask-ended', () => visitor.whoAmI())
    session.asking--
    if (!answer) return false
    const { status, servedBy, body } = answer
    if (status >= 500 && answer.headers.getSetCookie().length > 0)
      violate('cookie cleared', `by a ${status} of ${servedBy}`)
    if (status === 200 && (body.user?.username !== username || body.session?.id !== id))
      violate('wrong user', `${servedBy} took ${username}'s session for ${body.user?.username}'s`)
    if (status === 200 && visitor.cookie() !== undefined && visitor.token() !== token)
      takeOver(session, visitor, token, operation.startedMs)
    // A logout that was sent meanwhile, or a Redis that died: what was under way may have met either state.
    if (session.state !== state) {
      if (status === 401) operation.kind = 'ask-ended'
      return true
    }
    if (status === 401 && state === 'living') {
      // Once is enough.
      session.state = 'refused'
      refusals.push({ session, operation, token, answeredMs: now() })
    }
    if (status === 200 && state === 'ended')
      violate(
        'returned',
        `a session of ${username}, ended ${secondsSince(session.changedMs, now())} s before, was honoured by ${servedBy}`,
      )
    return status === 200 || status === 401
  }

  /** The answer brought a new token, as a browser would keep it. */
  function takeOver(session: KnownSession, visitor: Visitor, token: string, startedMs: number): void {
    const isKnown = session.visitor.token() === visitor.token() || session.replaced.has(visitor.token())
    session.replaced.set(token, Math.min(startedMs, session.replaced.get(token) ?? startedMs))
    if (isKnown) return
    session.visitor = visitor
    if (session.state !== 'living') return
    session.changedMs = now()
    actions.push({ atMs: now(), what: 'rotated', username: session.account.username })
  }

  async function logOut(session: KnownSession): Promise<void> {
    session.state = 'ending'
    const { answer } = await operate('logout', () => session.visitor.copy().logOut())
    if (answer?.status !== 204) return
    session.state = 'ended'
    session.changedMs = now()
  }

  const inState = (...states: KnownSession['state'][]) => sessions.filter(({ state }) => states.includes(state))

  /** A request that is under way may rotate a token that is due, and its answer never come. */
  const mayRotate = ({ asking, askedMs, changedMs }: KnownSession, sinceMs: number) =>
    (asking > 0 || askedMs >= sinceMs) && rotation.everyMs > 0 && now() - changedMs >= rotation.everyMs - EARLY_MS

  return {
    operations,
    violations,
    actions,
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
     * Redis dies during `die`. What it acknowledged in the second before that, or while it happens, may be gone: a login, a
     * logout, a rotation. Nothing is claimed of those sessions any more. Returns of how many living ones something is.
     */
    async whileRedisDies(die: () => Promise<unknown>): Promise<number> {
      const diesMs = now()
      const inDoubt = new Set(sessions.filter((session) => mayRotate(session, diesMs)))
      await die()
      for (const session of sessions) {
        if (session.changedMs >= diesMs - UNSAVED_MS || inDoubt.has(session) || mayRotate(session, diesMs))
          session.state = 'unknown'
      }
      return inState('living').length
    },

    /** Asks for every session that anything is claimed of, until each has been answered. */
    async askForAll(): Promise<void> {
      let waiting = inState('living', 'ended')
      const askInTurn = async () => {
        for (let session = waiting.pop(); session; session = waiting.pop())
          for (let attempt = 0; attempt < 5 && !(await ask(session)); attempt++);
      }
      for (let round = 0; round < MOST_ROUNDS; round++) {
        await Promise.all(Array.from({ length: AT_ONCE }, askInTurn))
        const refused = new Set(refusals.map(({ session }) => session))
        await explainRefusals(refusals.splice(0), { url, now, rotation, actions, violate })
        waiting = [...refused].filter(({ state }) => state === 'living')
      }
      // In a long run there are more and more of those that have ended. The last ones stand for all.
      const old = new Set(inState('ended').slice(0, -MOST_ENDED))
      sessions.splice(0, sessions.length, ...sessions.filter((session) => !old.has(session)))
    },

    /** Logs out all that is left, also of logins of which no answer was seen. */
    async leaveNothing(accounts: readonly Credentials[]): Promise<void> {
      for (const session of inState('living', 'refused', 'ending', 'unknown'))
        await session.visitor.logOut().catch(() => {})
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
