// The page: log in, ask who you are, see which node answered. Plain JavaScript, checked by tsc, served as it is.

import { ask, element, explain, whileBusy } from './ask.js'
import { createMySessions } from './my-sessions.js'

/** @typedef {{ username: string, displayName: string }} User */
/** @typedef {{ id: string, createdOn: string, expiresAt: string, absoluteExpiresAt: string }} Session */

const NODES_REFRESH_MS = 5_000
const SESSIONS_REFRESH_MS = 10_000
const ANSWERS_SHOWN = 24

/** @type {{ nodes: string[], user?: User, session?: Session, servedBy?: string, answers: string[] }} */
const state = { nodes: [], answers: [] }

const mySessions = createMySessions({
  onEnded: whoAmI,
  onNotice: showNotice,
  /** A login with a session in hand gives another one and ends the old. */
  async logInAgain(password) {
    const answer = await ask('POST', '/auth/login', { username: state.user?.username, password })
    if (answer?.status !== 200) {
      showNotice(explain(answer))
      return false
    }
    remember(answer.body.user, answer.body.session, answer.servedBy)
    render()
    return true
  },
})

/** Asks who this browser is, and shows the answer. */
async function whoAmI() {
  const answer = await ask('GET', '/api/user')
  if (answer?.status === 200) {
    remember(answer.body.user, answer.body.session, answer.servedBy)
    showNotice()
  } else if (answer?.status === 401) {
    const wasLoggedIn = state.session !== undefined
    forget()
    showNotice(wasLoggedIn ? 'Your session has ended. Log in again.' : undefined)
  } else {
    showNotice(explain(answer))
  }
  render()
}

/** @param {FormData} fields */
async function logIn(fields) {
  const credentials = { username: fields.get('username'), password: fields.get('password') }
  const answer = await ask('POST', '/auth/login', credentials)
  if (answer?.status !== 200) return showNotice(explain(answer))
  state.answers = []
  remember(answer.body.user, answer.body.session, answer.servedBy)
  showNotice()
  render()
  element('ask').focus()
  await mySessions.refresh()
}

async function logOut() {
  const answer = await ask('POST', '/auth/logout')
  if (answer?.status !== 204) return showNotice(explain(answer))
  forget()
  showNotice()
  render()
  element('login').querySelector('input')?.focus()
}

async function refreshNodes() {
  if (document.hidden) return
  const answer = await ask('GET', '/api/cluster')
  if (answer?.status !== 200) return
  state.nodes = answer.body.nodes.map((/** @type {{ name: string }} */ node) => node.name)
  render()
}

/** @param {User} user @param {Session} session @param {string} servedBy */
function remember(user, session, servedBy) {
  Object.assign(state, { user, session, servedBy })
  state.answers = [servedBy, ...state.answers].slice(0, ANSWERS_SHOWN)
}

function forget() {
  delete state.user
  delete state.session
  delete state.servedBy
  state.answers = []
  mySessions.forget()
}

/** @param {string} [text] */
function showNotice(text) {
  element('notice').textContent = text ?? ''
  element('notice').hidden = text === undefined
}

function render() {
  const { user, session, servedBy } = state
  element('login').hidden = session !== undefined
  element('session').hidden = session === undefined
  element('my-sessions').hidden = session === undefined
  element('map-user').textContent = user?.username ?? 'not logged in'
  element('map-redis').textContent = session ? 'keeps the session' : 'no session'
  element('node-count').textContent =
    ['no', 'one', 'two', 'three', 'four', 'five'][state.nodes.length] ?? String(state.nodes.length)
  element('nodes').replaceChildren(...state.nodes.map(renderNode))
  if (!user || !session || !servedBy) return

  element('display-name').textContent = user.displayName
  element('sentence').textContent =
    session.createdOn === servedBy
      ? `${servedBy} created your session, and answered this time.`
      : `${session.createdOn} created your session. ${servedBy} answered, and knows you all the same.`
  element('created-on').textContent = session.createdOn
  element('served-by').textContent = servedBy
  element('session-id').textContent = session.id
  showTime('expires-at', session.expiresAt)
  showTime('absolute-expires-at', session.absoluteExpiresAt)
  element('answers').replaceChildren(
    ...state.answers.map((node) => {
      const item = document.createElement('li')
      item.textContent = node
      item.classList.toggle('origin', node === session.createdOn)
      return item
    }),
  )
}

/** @param {string} name */
function renderNode(name) {
  const item = document.createElement('li')
  const isOrigin = name === state.session?.createdOn
  const hasAnswered = name === state.servedBy
  item.className = 'node'
  item.classList.toggle('origin', isOrigin)
  item.classList.toggle('answered', hasAnswered)
  item.textContent = name
  const note = document.createElement('small')
  note.textContent = [isOrigin ? 'created it' : '', hasAnswered ? 'answered' : ''].filter(Boolean).join(', ')
  item.append(note)
  return item
}

/** @param {string} id @param {string} iso */
function showTime(id, iso) {
  element(id).setAttribute('datetime', iso)
  element(id).textContent = new Date(iso).toLocaleTimeString([], {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
}

const login = /** @type {HTMLFormElement} */ (element('login'))
login.addEventListener('submit', (event) => {
  event.preventDefault()
  const submit = login.querySelector('button[type=submit]')
  if (submit instanceof HTMLElement) whileBusy(submit, () => logIn(new FormData(login)))
})
for (const button of login.querySelectorAll('button.fill')) {
  button.addEventListener('click', () => {
    const { username = '', password = '' } = /** @type {HTMLElement} */ (button).dataset
    const [name, secret] = login.querySelectorAll('input')
    if (name && secret) [name.value, secret.value] = [username, password]
  })
}
element('ask').addEventListener('click', () => whileBusy(element('ask'), whoAmI))
element('logout').addEventListener('click', () => whileBusy(element('logout'), logOut))

async function refreshSessions() {
  if (!document.hidden && state.session) await mySessions.refresh()
}

await Promise.all([refreshNodes(), whoAmI()])
await refreshSessions()
setInterval(refreshNodes, NODES_REFRESH_MS)
setInterval(refreshSessions, SESSIONS_REFRESH_MS)
// Whoever comes back to the tab sees what is, and not what was: the session may have been ended elsewhere.
document.addEventListener('visibilitychange', refreshSessions)
window.addEventListener('pageshow', (event) => {
  if (event.persisted) whoAmI()
})
