// The page: log in, ask who you are, see which node answered. Plain JavaScript, checked by tsc, served as it is.

/** @typedef {{ username: string, displayName: string }} User */
/** @typedef {{ id: string, createdOn: string, expiresAt: string, absoluteExpiresAt: string }} Session */
/** @typedef {{ status: number, servedBy: string, retryAfter: string | null, body: any }} Answer */

const NODES_REFRESH_MS = 5_000
const ANSWERS_SHOWN = 24

/** @type {{ nodes: string[], user?: User, session?: Session, servedBy?: string, answers: string[] }} */
const state = { nodes: [], answers: [] }

/** @param {string} id */
function element(id) {
  const found = document.getElementById(id)
  if (!found) throw new Error(`The page has no #${id}`)
  return found
}

/**
 * One request to whichever node the balancer picks. Undefined: nobody answered at all.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [json]
 * @returns {Promise<Answer | undefined>}
 */
async function ask(method, path, json) {
  try {
    const response = await fetch(path, {
      method,
      signal: AbortSignal.timeout(10_000),
      ...(json === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(json) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      servedBy: response.headers.get('X-Served-By') ?? '',
      retryAfter: response.headers.get('Retry-After'),
      body: text === '' ? undefined : JSON.parse(text),
    }
  } catch {
    return undefined
  }
}

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
}

/** @param {Answer | undefined} answer */
function explain(answer) {
  if (!answer) return 'No answer. Is the stack up? (make ps)'
  if (answer.status === 503)
    return `${answer.body.title}. You are still logged in; try again in ${answer.retryAfter} s.`
  return answer.body?.detail
    ? `${answer.body.title}. ${answer.body.detail}`
    : (answer.body?.title ?? 'Something went wrong.')
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

/**
 * Runs `work` on a click, with the button disabled until it is done.
 * @param {HTMLElement} button
 * @param {() => Promise<void>} work
 */
async function whileBusy(button, work) {
  button.setAttribute('disabled', '')
  try {
    await work()
  } finally {
    button.removeAttribute('disabled')
  }
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

await Promise.all([refreshNodes(), whoAmI()])
setInterval(refreshNodes, NODES_REFRESH_MS)
