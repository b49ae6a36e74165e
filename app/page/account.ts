import type { Answer } from './answers.ts'
import type { Ask } from './ask.ts'
import { type Credentials, demoPassword } from './login-form.ts'
import type { Notice } from './notice.ts'
import type { PageEvents } from './page-events.ts'
import { createRenewals } from './renewals.ts'
import type { Matrix } from './shared/matrix.ts'
import type { Trouble } from './trouble.ts'
import type { Visit } from './visit.ts'
import { createWhoAmI } from './who-am-i.ts'

export interface Account {
  /** GET /api/user. Counts in the matrix whether the node honoured the session. */
  whoAmI(): Promise<Answer>
  /** Resolves to true if the user is logged in. Otherwise `beside` says why not: it is next to the button that was pressed. */
  logIn(credentials: Credentials, beside: Notice): Promise<boolean>
  logOut(): Promise<void>
}

interface Parts {
  ask: Ask
  visit: Visit
  count: Matrix
  notice: Notice
  trouble: Trouble
  pageEvents: PageEvents
  /** Time of the Redis server, in milliseconds since 1970. */
  now: () => number
  /** Each node keeps its own sessions, so a 401 does not end the session. */
  isExperiment: () => boolean
  onChange: () => void
  onOtherUser: () => void
  /** The server rejects logins to this account for so long. */
  onThrottled: (username: string, seconds: number) => void
}

/** The requests that create, use and end the session of this page. */
export function createAccount(parts: Parts): Account {
  const { ask, visit, notice, trouble, pageEvents, onChange, onOtherUser, onThrottled } = parts
  const noteRenewal = createRenewals(pageEvents)
  const whoAmI = createWhoAmI({ ...parts, noteRenewal })

  /** The events of a login or logout of this page are no news to it. */
  async function change(path: string, json?: Credentials): Promise<Answer> {
    const answer = ask('POST', path, json)
    visit.change = answer
    await answer
    visit.change = undefined
    return answer
  }

  async function logIn(credentials: Credentials, beside: Notice): Promise<boolean> {
    beside.clear()
    const answer = await change('/auth/login', credentials)
    const { status, servedBy, body } = answer
    if (status === 200 && body.user && body.session) {
      const isOtherUser = visit.user?.username !== body.user.username
      visit.remember(body.user, body.session)
      noteRenewal(body.session, servedBy)
      notice.clear()
      if (isOtherUser) onOtherUser()
    } else if (status === 429) {
      const { retryAfterSeconds } = answer
      onThrottled(credentials.username, retryAfterSeconds)
      beside.countDown(retryAfterSeconds, (left) => `${body.title ?? 'Too many logins'}. Try again in ${left}.`)
    } else if (status === 401 && credentials.password === demoPassword(credentials.username)) {
      beside.show(
        `The server rejects ${credentials.username}, a demo account. If it is disabled, run: make enable USER=${credentials.username}`,
      )
    } else {
      trouble.report(answer, beside)
    }
    onChange()
    return status === 200
  }

  async function logOut(): Promise<void> {
    const answer = await change('/auth/logout')
    if (answer.status !== 204) return trouble.report(answer)
    visit.forget()
    notice.clear()
  }

  return { whoAmI, logIn, logOut }
}
