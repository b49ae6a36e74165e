import type { ListedSession } from './answers.ts'
import { type Ask, explain } from './ask.ts'
import { createConfirmPassword } from './confirm-password.ts'
import { element, onClick } from './dom.ts'
import type { Notice } from './notice.ts'
import { createReload } from './reload.ts'
import { sessionItem } from './session-item.ts'

export interface MySessions {
  refresh(): Promise<void>
  clear(): void
}

interface Parts {
  ask: Ask
  /** This browser had the session before its present one. */
  isEarlier: (sessionId: string) => boolean
  /** The session of this page, as listed. Reading the list does not extend it. */
  onCurrent: (session: ListedSession) => void
  onEnded: (sentence: string | undefined) => void
  /** Beside the list and its buttons. */
  beside: Notice
  /** Resolves to true if the password was right, and a new session has replaced this one. */
  logInAgain: (password: string) => Promise<boolean>
}

/** All sessions of the user, with buttons that revoke one or all others. */
export function createMySessions({ ask, isEarlier, onCurrent, onEnded, beside, logInAgain }: Parts): MySessions {
  const list = element('session-list')
  const confirmPassword = createConfirmPassword(logInAgain)
  const { run: refresh, cancel } = createReload(load)
  /** Changes with every login and logout: an answer to an earlier user is dropped. */
  let visitor = 0

  async function load(): Promise<void> {
    const asking = visitor
    const { status, body } = await ask('GET', '/api/sessions')
    if (asking !== visitor) return
    // `replaced`: another window logs in again, and this one shares its cookie. The feed reports the new session.
    if (status === 401 && body.reason !== 'replaced') onEnded(body.reason === undefined ? undefined : body.detail)
    if (status !== 200 || !body.sessions) return
    const current = body.sessions.find((session) => session.current)
    if (current) onCurrent(current)
    list.replaceChildren(
      ...body.sessions.map((session) =>
        sessionItem(session, {
          isEarlier: isEarlier(session.id),
          onRevoke: () => revoke(`/api/sessions/${session.id}`),
        }),
      ),
    )
    element('revoke-others').hidden = body.sessions.length < 2
  }

  /** @param path of one session, or of all others */
  async function revoke(path: string): Promise<void> {
    beside.clear()
    const answer = await ask('DELETE', path)
    if (answer.status === 403) return confirmPassword.open(() => revoke(path))
    // 404: the session has already ended.
    if (![204, 401, 404].includes(answer.status)) beside.show(explain(answer))
    await refresh()
  }

  onClick('revoke-others', () => revoke('/api/sessions'))
  return {
    refresh,
    clear() {
      visitor++
      cancel()
      confirmPassword.close()
      beside.clear()
      list.replaceChildren()
    },
  }
}
