// Everywhere this user is logged in: look, end one, end all others. A login that is too long ago is asked for again.

import { ask, element, explain, whileBusy } from './ask.js'

/** @typedef {{ id: string, createdOn: string, createdAt: string, lastSeenAt: string, address: string, agent: string, current: boolean }} Listed */
/** @typedef {{ onEnded: () => Promise<void>, onNotice: (text?: string) => void, logInAgain: (password: string) => Promise<boolean> }} Parts */

/** @param {Parts} parts */
export function createMySessions({ onEnded, onNotice, logInAgain }) {
  const list = element('session-list')
  const confirm = /** @type {HTMLFormElement} */ (element('confirm'))
  const endOthers = element('end-others')
  /** What to do once the password is confirmed. @type {string | undefined} */
  let waitingToEnd

  async function refresh() {
    const answer = await ask('GET', '/api/sessions')
    if (answer?.status === 401) return onEnded()
    if (answer?.status !== 200) return
    /** @type {Listed[]} */
    const sessions = answer.body.sessions
    list.replaceChildren(...sessions.map(render))
    endOthers.hidden = sessions.length < 2
  }

  /** @param {string} path of one session, or of all others */
  async function end(path) {
    const answer = await ask('DELETE', path)
    if (answer?.status === 403) return askForPassword(path)
    // 404: it has ended meanwhile, which is what was wanted.
    if (answer?.status === 204 || answer?.status === 404) onNotice()
    else if (answer?.status !== 401) onNotice(explain(answer))
    await refresh()
  }

  /** @param {string} path */
  function askForPassword(path) {
    waitingToEnd = path
    confirm.hidden = false
    confirm.querySelector('input')?.focus()
  }

  function forget() {
    waitingToEnd = undefined
    confirm.hidden = true
    confirm.reset()
    list.replaceChildren()
  }

  /** @param {Listed} session */
  function render(session) {
    const item = document.createElement('li')
    item.classList.toggle('current', session.current)
    const what = document.createElement('div')
    const name = document.createElement('strong')
    name.textContent = session.current ? `${nameOf(session.agent)}, this one` : nameOf(session.agent)
    const where = document.createElement('span')
    where.textContent = `${session.address}, created on ${session.createdOn} at ${timeOf(session.createdAt)}, last seen ${timeOf(session.lastSeenAt)}`
    what.append(name, where)
    item.append(what)
    if (!session.current) {
      const button = document.createElement('button')
      button.type = 'button'
      button.textContent = 'End'
      button.setAttribute('aria-label', `End the session of ${nameOf(session.agent)} created on ${session.createdOn}`)
      button.addEventListener('click', () => whileBusy(button, () => end(`/api/sessions/${session.id}`)))
      item.append(button)
    }
    return item
  }

  endOthers.addEventListener('click', () => whileBusy(endOthers, () => end('/api/sessions')))
  confirm.addEventListener('submit', async (event) => {
    event.preventDefault()
    const path = waitingToEnd
    const password = new FormData(confirm).get('password')
    if (path === undefined || typeof password !== 'string' || !(await logInAgain(password))) return
    waitingToEnd = undefined
    confirm.hidden = true
    confirm.reset()
    await end(path)
  })
  return { refresh, forget }
}

/** The browser and its system, as people call them; what is no browser by its own first word. @param {string} agent */
function nameOf(agent) {
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)\//.exec(agent)?.[1]
  if (!browser) return agent.split(' ', 1)[0] || 'Unknown program'
  const system = /(Windows|Android|iPhone|iPad|Mac OS|Linux)/.exec(agent)?.[1]
  const known = { Edg: 'Edge', OPR: 'Opera' }[browser] ?? browser
  return system ? `${known} on ${system.replace('Mac OS', 'macOS')}` : known
}

/** @param {string} iso */
function timeOf(iso) {
  return new Date(iso).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' })
}
