import assert from 'node:assert/strict'

/** Every token and password that a visitor of this run has had: none of them may ever be in a log or in a body. */
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

/** What one request told. */
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
  /** Any other request, with the cookie of this visitor. */
  ask(path: string, init?: RequestInit): Promise<Answer>
  cookie(): string | undefined
  /** The secret in it. */
  token(): string
  /** A second visitor with a copy of the cookie: what logout does to this one does not touch it. */
  copy(): Visitor
}

export interface Credentials {
  username: string
  password: string
}

export const ADA: Credentials = { username: 'ada', password: 'analytical-engine' }
export const GRACE: Credentials = { username: 'grace', password: 'nanosecond' }
export const ALAN: Credentials = { username: 'alan', password: 'universal-machine' }

/** How long any request may take before it counts as hanging. */
const PATIENCE_MS = 15_000

interface Given {
  patienceMs?: number
  cookie?: string
  /** What it claims to be its address, in X-Forwarded-For. */
  address?: string
  /** And its browser: under this name its sessions are listed. */
  agent?: string
}

/** One person with one browser, as far as it takes to prove something about sessions. */
export function createVisitor(url: string, given: Given = {}): Visitor {
  const { patienceMs = PATIENCE_MS, address, agent } = given
  let { cookie } = given

  async function ask(path: string, init: RequestInit = {}): Promise<Answer> {
    const headers = new Headers(init.headers)
    if (cookie !== undefined) headers.set('Cookie', cookie)
    if (address !== undefined) headers.set('X-Forwarded-For', address)
    if (agent !== undefined) headers.set('User-Agent', agent)
    // A connection for each request: node:cluster hands out connections, so one that is kept stays with one node.
    headers.set('Connection', 'close')
    const response = await fetch(new URL(path, url), {
      ...init,
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(patienceMs),
    })
    const text = await response.text()
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';', 1)
      cookie = pair.endsWith('=') ? undefined : pair
      if (cookie !== undefined) secretsSeen.add(tokenIn(cookie))
    }
    const isJson = response.headers.get('Content-Type')?.includes('json') === true
    // The page is left out: it offers the demo accounts.
    if (isJson)
      for (const secret of secretsSeen) assert.ok(!text.includes(secret), 'a token or a password is in a body')
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
      return ask('/auth/login', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(account),
      })
    },
    whoAmI: () => ask('/api/user'),
    logOut: () => ask('/auth/logout', { method: 'POST' }),
    cookie: () => cookie,
    token: () => tokenIn(cookie ?? ''),
    copy: () => createVisitor(url, { ...given, ...(cookie === undefined ? {} : { cookie }) }),
  }
}

const tokenIn = (cookie: string) => cookie.slice(cookie.indexOf('=') + 1)
