import http, { type Response } from 'k6/http'
import { accounts, settings } from './settings.ts'

/** What one request told: which node answered, and whether it knew the session. */
export interface Answer {
  status: number
  servedBy: string
  username: string | undefined
  createdOn: string | undefined
}

export interface Visitor {
  username: string
  logIn(): Answer
  whoAmI(): Answer
  logOut(): Answer
  /** Asks with a copy of the last cookie, as a thief would: what logout does to the browser does not touch it. */
  replay(): Answer
  /** The cookie that the login set, as `name=value`: nothing else must be known to be this visitor. */
  cookie(): string
}

/**
 * One person with one browser. The cookie jar is its own: k6's default jar is one for each virtual user and is emptied
 * at every iteration, so neither a second person nor a session that lasts could be had with it.
 *
 * A jar of k6 drops cookies marked Secure over http, even on localhost (grafana/k6#3457). The stack sets none over http.
 */
export function createVisitor(number: number): Visitor {
  const account = accounts[number % accounts.length]
  if (!account) throw new Error('There is no account to log in to')
  const jar = new http.CookieJar()
  let copy = ''

  return {
    username: account.username,
    logIn() {
      const response = http.post(`${settings.baseUrl}/auth/login`, JSON.stringify(account), {
        jar,
        headers: { 'Content-Type': 'application/json' },
        tags: { name: 'login' },
      })
      copy = cookieOf(response)
      return read(response)
    },
    whoAmI: () => whoAmI({ jar }),
    logOut: () => logOut({ jar }),
    replay: () => visitorWith(copy).whoAmI(),
    cookie: () => copy,
  }
}

/** Whoever has this cookie, and no jar to keep another in. */
export function visitorWith(cookie: string): Pick<Visitor, 'whoAmI' | 'logOut'> {
  const params = () => ({ jar: new http.CookieJar(), headers: { Cookie: cookie } })
  return { whoAmI: () => whoAmI(params()), logOut: () => logOut(params()) }
}

/** A browser that has this cookie, and from then on whatever the answers set: it follows its session through rotations. */
export function browserWith(cookie: string): Pick<Visitor, 'whoAmI'> {
  const jar = new http.CookieJar()
  for (const pair of cookie.split('; ')) {
    const end = pair.indexOf('=')
    jar.set(settings.baseUrl, pair.slice(0, end), pair.slice(end + 1))
  }
  return { whoAmI: () => whoAmI({ jar }) }
}

/** All that an answer sets, whatever its name is (SESSION_COOKIE, and __Host- over TLS). What it clears is left out. */
function cookieOf({ cookies }: Response): string {
  const set = Object.values(cookies).flat()
  const kept = set.filter(({ value }) => value !== '')
  return kept.map(({ name, value }) => `${name}=${value}`).join('; ')
}

const whoAmI = (params: object) => read(http.get(`${settings.baseUrl}/api/user`, { tags: { name: 'user' }, ...params }))
const logOut = (params: object) =>
  read(http.post(`${settings.baseUrl}/auth/logout`, null, { tags: { name: 'logout' }, ...params }))

interface Body {
  user?: { username?: string }
  session?: { createdOn?: string }
}

function read(response: Response): Answer {
  const body: Body = response.status === 200 && typeof response.body === 'string' ? JSON.parse(response.body) : {}
  return {
    status: response.status,
    servedBy: response.headers['X-Served-By'] ?? 'nobody',
    username: body.user?.username,
    createdOn: body.session?.createdOn,
  }
}
