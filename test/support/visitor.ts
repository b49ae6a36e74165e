import assert from 'node:assert/strict'
import { ADA, type Credentials, type Sent, send } from './http.ts'

/** Every token and password of the visitors of this run. None may appear in a log or a body. */
export const secretsSeen = new Set<string>()

export interface ListedSession {
  id: string
  createdOn: string
  createdAt: string
  lastSeenAt: string
  expiresAt: string
  absoluteExpiresAt: string
  address: string
  agent: string
  current: boolean
}

/** The response to one request. */
export interface Answer {
  status: number
  servedBy: string
  headers: Headers
  text: string
  body: {
    user?: { username: string }
    session?: Pick<ListedSession, 'id' | 'createdOn' | 'createdAt' | 'expiresAt' | 'absoluteExpiresAt'>
    sessions?: ListedSession[]
    title?: string
    detail?: string
  }
}

export interface Visitor {
  logIn(account?: Credentials): Promise<Answer>
  whoAmI(): Promise<Answer>
  logOut(): Promise<Answer>
  /** Sends any other request with the cookie of this visitor. */
  ask(path: string, request?: Sent): Promise<Answer>
  cookie(): string | undefined
  /** The token in the cookie. */
  token(): string
  /** A second visitor with a copy of the cookie, which a logout of this one does not change. */
  copy(): Visitor
}

/** The time after which a request counts as hanging. */
const PATIENCE_MS = 15_000

interface Given {
  patienceMs?: number
  cookie?: string
  /** The address that it claims in X-Forwarded-For. */
  address?: string
  /** The browser that it claims. Its sessions are listed under this name. */
  agent?: string
}

/** A user with one browser: a client with a cookie jar. */
export function createVisitor(url: string, given: Given = {}): Visitor {
  const { patienceMs = PATIENCE_MS, address, agent } = given
  let { cookie } = given

  async function ask(path: string, request: Sent = {}): Promise<Answer> {
    const headers = new Headers(request.headers)
    if (address !== undefined) headers.set('X-Forwarded-For', address)
    if (agent !== undefined) headers.set('User-Agent', agent)
    // One connection per request: node:cluster distributes connections, so a kept one stays with one node.
    headers.set('Connection', 'close')
    const signal = AbortSignal.timeout(patienceMs)
    const response = await send(url, path, { ...request, headers, cookie, redirect: 'manual', signal })
    const text = await response.text()
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';', 1)
      cookie = pair.endsWith('=') ? undefined : pair
      if (cookie !== undefined) secretsSeen.add(tokenIn(cookie))
    }
    const isJson = response.headers.get('Content-Type')?.includes('json') === true
    // Except for the page, which shows the demo accounts.
    if (isJson)
      for (const secret of secretsSeen) assert.ok(!text.includes(secret), 'a body contains a token or a password')
    return {
      status: response.status,
      servedBy: response.headers.get('X-Served-By') ?? 'nobody',
      headers: response.headers,
      text,
      body: isJson ? JSON.parse(text) : {},
    }
  }

  return {
    ask,
    logIn: (account = ADA) => {
      secretsSeen.add(account.password)
      return ask('/auth/login', { method: 'POST', json: account })
    },
    whoAmI: () => ask('/api/user'),
    logOut: () => ask('/auth/logout', { method: 'POST' }),
    cookie: () => cookie,
    token: () => tokenIn(cookie ?? ''),
    copy: () => createVisitor(url, { ...given, ...(cookie === undefined ? {} : { cookie }) }),
  }
}

const tokenIn = (cookie: string) => cookie.slice(cookie.indexOf('=') + 1)
