import http, { type CookieJar, type Response } from 'k6/http'
import { speech } from './app.ts'
import {
  type Account,
  type Call,
  findText,
  type Heard,
  nodeOf,
  type Standing,
  speak,
  standingOf,
} from './app-speech.ts'
import { accounts, settings } from './settings.ts'

/** The result of one request: which node responded, and whether it accepted the session. */
export interface Answer {
  status: number
  /** Whether the status is one of success. */
  ok: boolean
  servedBy: string
  username: string | undefined
  createdOn: string | undefined
  standing: Standing
}

export interface Visitor {
  /** As the application names the user. */
  username: string
  logIn(): Answer
  whoAmI(): Answer
  logOut(): Answer
  /** Sends a request with a copy of the last cookie, like a thief. A logout of the browser does not change the copy. */
  replay(): Answer
  /** The cookie that the login set, as `name=value`. It alone identifies this visitor. */
  cookie(): string
}

/**
 * One user with one browser and its own cookie jar. k6's default jar belongs to a virtual user and is emptied at every
 * iteration, so it allows neither a second user nor a lasting session.
 *
 * A jar of k6 drops cookies marked Secure over http, even on localhost (grafana/k6#3457). The stack sets none over http.
 */
export function createVisitor(number: number): Visitor {
  const account = accounts[number % accounts.length]
  if (!account) throw new Error('No account to log in to')
  const jar = new http.CookieJar()
  let copy = ''

  return {
    username: account.shownAs ?? account.username,
    logIn() {
      const answer = send(speech.login, account, { jar }, 'login')
      copy = cookiesIn(jar)
      return answer
    },
    whoAmI: () => send(speech.user, account, { jar }, 'user'),
    logOut: () => send(speech.logout, account, { jar }, 'logout'),
    replay: () => visitorWith(copy, account).whoAmI(),
    cookie: () => copy,
  }
}

const NOBODY: Account = { username: '', password: '' }

/** A client with this cookie and without a jar. */
export function visitorWith(cookie: string, account = NOBODY): Pick<Visitor, 'whoAmI' | 'logOut'> {
  const params = () => ({ jar: new http.CookieJar(), headers: { Cookie: cookie } })
  return {
    whoAmI: () => send(speech.user, account, params(), 'user'),
    logOut: () => send(speech.logout, account, params(), 'logout'),
  }
}

/** A browser that starts with this cookie and stores what responses set, so it follows its session through rotations. */
export function browserWith(cookie: string): Pick<Visitor, 'whoAmI'> {
  const jar = new http.CookieJar()
  for (const pair of cookie.split('; ')) {
    const end = pair.indexOf('=')
    jar.set(settings.baseUrl, pair.slice(0, end), pair.slice(end + 1))
  }
  return { whoAmI: () => send(speech.user, NOBODY, { jar }, 'user') }
}

/** All cookies, with any name (SESSION_COOKIE, and __Host- over TLS). */
function cookiesIn(jar: CookieJar): string {
  const cookies = Object.entries(jar.cookiesForURL(settings.baseUrl + speech.user.path))
  return cookies.map(([name, [value = '']]) => `${name}=${value}`).join('; ')
}

interface Params {
  jar: CookieJar
  headers?: Record<string, string>
}

function send(call: Call, account: Account, params: Params, name: string): Answer {
  const values = { username: account.username, password: account.password }
  const { method, path, headers, body = null } = speak(call, values, csrfToken(call, params))
  const response = request(method, path, body, { ...params, headers: { ...headers, ...params.headers } }, name)
  const heard = hear(response, params.jar)
  return {
    status: response.status,
    ok: response.status >= 200 && response.status < 400,
    servedBy: nodeOf(speech, heard) ?? 'nobody',
    username: findText(speech.user.name, heard),
    createdOn: speech.user.createdOn && findText(speech.user.createdOn, heard),
    standing: standingOf(speech, heard, account),
  }
}

function csrfToken({ csrf }: Call, params: Params): string | undefined {
  if (csrf === undefined) return undefined
  const heard =
    csrf.page === undefined
      ? { status: 0, headers: {}, cookies: cookiesOf(params.jar), text: '' }
      : hear(request('GET', csrf.page, null, params, 'csrf'), params.jar)
  return findText(csrf.from, heard)
}

// A redirect is the response: the next page would hide it.
const request = (method: string, path: string, body: string | null, params: Params, name: string) =>
  http.request(method, settings.baseUrl + path, body, { ...params, redirects: 0, tags: { name } })

function hear({ status, headers, body }: Response, jar: CookieJar): Heard {
  const lowerCase = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  return {
    status,
    headers: Object.fromEntries(lowerCase),
    cookies: cookiesOf(jar),
    text: typeof body === 'string' ? body : '',
  }
}

const cookiesOf = (jar: CookieJar) =>
  Object.fromEntries(Object.entries(jar.cookiesForURL(settings.baseUrl)).map(([name, [value = '']]) => [name, value]))
