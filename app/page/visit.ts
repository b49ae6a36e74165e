import type { Answer, Session, User } from './answers.ts'
import { type Ask, explain } from './ask.ts'
import { wait } from './dom.ts'
import type { Credentials } from './login.ts'
import type { Matrix } from './matrix.ts'
import type { Notice } from './notice.ts'

export interface Visit {
  user: User | undefined
  session: Session | undefined
  /** The node that answered last who this is, and whether it knew. */
  lastAnswer: { servedBy: string; isHonoured: boolean } | undefined
  /** Redis answers the nodes, as far as is known here. */
  hasRedis: boolean
  /** A login or logout of this page is under way: what the feed tells of it is no news. */
  isChanging: boolean
  whoAmI(): Promise<Answer>
  logIn(credentials: Credentials): Promise<boolean>
  logOut(): Promise<void>
  /** The session is no more, and `sentence` says why. */
  end(sentence?: string): void
  /** As if nobody had been here. */
  forget(): void
  /** Redis does not answer: says so, and looks again until it does. */
  loseRedis(retryAfterSeconds?: number): void
  /** Says what went wrong, where it is not what one expects. */
  explainTrouble(answer: Answer): void
}

interface Parts {
  ask: Ask
  matrix: Matrix
  notice: Notice
  /** Redis's time, in milliseconds since 1970. */
  now: () => number
  /** Every node keeps its own sessions: a 401 is what is to be seen, and not the end. */
  isExperiment: () => boolean
  onChange: () => void
  /** Somebody else is logged in now, or nobody. */
  onIdentity: () => void
  onThrottled: (username: string, isThrottled: boolean) => void
  /** Asks which nodes there are, which needs Redis but no session. */
  refreshNodes: () => Promise<Answer>
  onRedisBack: () => void
}

const COOKIE_ARRIVES_MS = 500

/** One person's visit: who they are, and what becomes of their session. */
export function createVisit(parts: Parts): Visit {
  const { ask, matrix, notice, now, isExperiment, onChange, onIdentity, onThrottled, refreshNodes, onRedisBack } = parts
  let isLookingAgain = false

  const visit: Visit = {
    user: undefined,
    session: undefined,
    lastAnswer: undefined,
    hasRedis: true,
    isChanging: false,

    async whoAmI() {
      const asked = visit.session
      let answer = await ask('GET', '/api/user')
      if (answer.body.reason === 'replaced') {
        // Another window logs in anew, with the cookie that this one has too: it is on its way.
        await wait(COOKIE_ARRIVES_MS)
        answer = await ask('GET', '/api/user')
      }
      const { status, servedBy, body } = answer
      // Logged out, or in as somebody else, while this was under way.
      if (asked !== undefined && visit.session?.id !== asked.id) return answer
      if (status === 200 && body.user && body.session) {
        const isSomebodyElse = visit.user !== undefined && visit.user.username !== body.user.username
        matrix.count(body.session.createdOn, servedBy, true)
        remember(body.user, body.session, servedBy)
        if (isSomebodyElse) onIdentity()
      } else if (status === 401 && asked) {
        visit.lastAnswer = { servedBy, isHonoured: false }
        // A session that nobody has ended must be honoured. Where a node refuses one, that is to be seen.
        if (body.reason === undefined && !isOver(asked)) matrix.count(asked.createdOn, servedBy, false)
        if (!isExperiment()) visit.end(body.reason === undefined ? undefined : body.detail)
      } else if (status !== 401) {
        visit.explainTrouble(answer)
      }
      onChange()
      return answer
    },

    async logIn(credentials) {
      visit.isChanging = true
      const answer = await ask('POST', '/auth/login', credentials)
      visit.isChanging = false
      const { status, servedBy, body } = answer
      if (status === 200 && body.user && body.session) {
        const isSomebodyElse = visit.user?.username !== body.user.username
        remember(body.user, body.session, servedBy)
        notice.clear()
        if (isSomebodyElse) onIdentity()
      } else if (status === 429) {
        const { username } = credentials
        onThrottled(username, true)
        setTimeout(() => onThrottled(username, false), answer.retryAfterSeconds * 1000)
        notice.countDown(answer.retryAfterSeconds, (left) => `Too many failed logins. You can try again in ${left}.`)
      } else {
        visit.explainTrouble(answer)
      }
      onChange()
      return status === 200
    },

    async logOut() {
      visit.isChanging = true
      const answer = await ask('POST', '/auth/logout')
      visit.isChanging = false
      if (answer.status !== 204) return visit.explainTrouble(answer)
      visit.forget()
      notice.clear()
    },

    end(sentence) {
      const isExpired = visit.session !== undefined && isOver(visit.session)
      const otherwise = isExpired
        ? 'Your session has expired.'
        : 'Your session has ended, and the server does not know why.'
      visit.forget()
      notice.show(`${sentence ?? otherwise} Log in again.`)
    },

    forget() {
      visit.user = undefined
      visit.session = undefined
      visit.lastAnswer = undefined
      onIdentity()
      onChange()
    },

    loseRedis(retryAfterSeconds = 1) {
      visit.hasRedis = false
      const who = visit.session ? 'You are still logged in: the page' : 'The page'
      notice.show(`Redis does not answer. ${who} goes on by itself when it is back.`)
      onChange()
      if (isLookingAgain) return
      isLookingAgain = true
      setTimeout(lookAgain, retryAfterSeconds * 1000)
    },

    explainTrouble(answer) {
      const { status, body, retryAfterSeconds } = answer
      if (status === 503 && body.title === 'Sessions are unavailable') visit.loseRedis(retryAfterSeconds)
      else notice.show(explain(answer), status === 0 || status >= 500 ? 'passing' : 'lasting')
    },
  }

  const isOver = ({ expiresAt, absoluteExpiresAt }: Session) =>
    Math.min(Date.parse(expiresAt), Date.parse(absoluteExpiresAt)) <= now()

  /** By a question that is no use of the session: nobody but the page asks. */
  async function lookAgain(): Promise<void> {
    isLookingAgain = false
    const answer = await refreshNodes()
    if (answer.status === 200) findRedis()
    else if (!visit.hasRedis) visit.loseRedis(answer.retryAfterSeconds)
  }

  function findRedis(): void {
    if (visit.hasRedis) return
    visit.hasRedis = true
    notice.clear()
    onChange()
    onRedisBack()
  }

  function remember(user: User, session: Session, servedBy: string): void {
    visit.user = user
    visit.session = session
    visit.lastAnswer = { servedBy, isHonoured: true }
    notice.clearPassing()
    findRedis()
  }

  return visit
}
