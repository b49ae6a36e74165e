import type { ListedSession } from './answers.ts'
import { type Ask, explain } from './ask.ts'
import { button, clockTime, create, element, formElement, onClick } from './dom.ts'

export interface MySessions {
  refresh(): Promise<void>
  clear(): void
}

interface Parts {
  ask: Ask
  /** This session, as the list has it: looked at without being used. */
  onCurrent: (session: ListedSession) => void
  onEnded: (sentence: string | undefined) => void
  onProblem: (text: string) => void
  /** True if the password was right: then there is a new session in the place of this one. */
  logInAgain: (password: string) => Promise<boolean>
}

/** Everywhere this user is logged in: look, end one, end all others. A login that is too long ago is asked for again. */
export function createMySessions({ ask, onCurrent, onEnded, onProblem, logInAgain }: Parts): MySessions {
  const list = element('session-list')
  const confirm = formElement('confirm')
  /** What to do once the password is confirmed. */
  let waitingToEnd: string | undefined
  let isLoading = false
  let isStale = false
  /** Whose list it is: after a logout, what was asked before it is nobody's. */
  let visitor = 0

  /** One at a time: what happens meanwhile, be it ever so much, is looked at once when that is done. */
  async function refresh(): Promise<void> {
    isStale = true
    if (isLoading) return
    isLoading = true
    while (isStale) {
      isStale = false
      await load()
    }
    isLoading = false
  }

  async function load(): Promise<void> {
    const asking = visitor
    const { status, body } = await ask('GET', '/api/sessions')
    if (asking !== visitor) return
    // `replaced`: another window logs in anew, and the cookie is on its way. The feed will say who is logged in.
    if (status === 401 && body.reason !== 'replaced') onEnded(body.reason === undefined ? undefined : body.detail)
    if (status !== 200 || !body.sessions) return
    const current = body.sessions.find((session) => session.current)
    if (current) onCurrent(current)
    list.replaceChildren(...body.sessions.map(render))
    element('end-others').hidden = body.sessions.length < 2
  }

  /** @param path of one session, or of all others */
  async function end(path: string): Promise<void> {
    const answer = await ask('DELETE', path)
    if (answer.status === 403) {
      waitingToEnd = path
      confirm.hidden = false
      confirm.querySelector('input')?.focus()
      return
    }
    // 404: it has ended meanwhile, which is what was wanted.
    if (![204, 401, 404].includes(answer.status)) onProblem(explain(answer))
    await refresh()
  }

  function render(session: ListedSession): HTMLElement {
    const browser = nameOf(session.agent)
    const what = create(
      'div',
      '',
      create('strong', '', session.current ? `${browser}, this one` : browser),
      create('span', '', `${addressOf(session)}, created on ${session.createdOn} at ${clockTime(session.createdAt)}`),
      create('span', '', `last seen ${clockTime(session.lastSeenAt)}`),
    )
    const item = create('li', session.current ? 'current' : '', what)
    if (!session.current) {
      const ender = button('End', () => end(`/api/sessions/${session.id}`))
      ender.setAttribute('aria-label', `End the session of ${browser} created on ${session.createdOn}`)
      item.append(ender)
    }
    return item
  }

  function closeConfirm(): void {
    waitingToEnd = undefined
    confirm.hidden = true
    confirm.reset()
  }

  onClick('end-others', () => end('/api/sessions'))
  confirm.addEventListener('submit', async (event) => {
    event.preventDefault()
    const path = waitingToEnd
    const password = new FormData(confirm).get('password')
    if (path === undefined || typeof password !== 'string' || !(await logInAgain(password))) return
    closeConfirm()
    await end(path)
  })

  return {
    refresh,
    clear() {
      visitor++
      isStale = false
      closeConfirm()
      list.replaceChildren()
    },
  }
}

/** The browser and its system, as people call them; what is no browser by its own first word. */
function nameOf(agent: string): string {
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)\//.exec(agent)?.[1]
  if (!browser) return agent.split(/[ /]/, 1)[0] || 'Unknown program'
  const system = /(Windows|Android|iPhone|iPad|Mac OS|Linux)/.exec(agent)?.[1]
  const known = { Edg: 'Edge', OPR: 'Opera' }[browser] ?? browser
  return system ? `${known} on ${system.replace('Mac OS', 'macOS')}` : known
}

/** The server says `unknown` where many clients have one address, as on this machine: docs/security.md. */
const addressOf = ({ address }: ListedSession) => (address === 'unknown' ? 'address unknown' : address)
