/** What one request told. */
export interface Answer {
  status: number
  servedBy: string
  headers: Headers
  body: { user?: { username: string }; session?: { id: string; createdOn: string; expiresAt: string } }
}

export interface Visitor {
  logIn(account?: { username: string; password: string }): Promise<Answer>
  whoAmI(): Promise<Answer>
  logOut(): Promise<Answer>
  /** Any other request, with the cookie of this visitor. */
  ask(path: string, init?: RequestInit): Promise<Answer>
  cookie(): string | undefined
  /** A second visitor with a copy of the cookie: what logout does to this one does not touch it. */
  copy(): Visitor
}

export const ADA = { username: 'ada', password: 'analytical-engine' }
export const GRACE = { username: 'grace', password: 'nanosecond' }

/** How long any request may take before it counts as hanging. */
const PATIENCE_MS = 15_000

interface Given {
  patienceMs?: number
  cookie?: string
}

/** One person with one browser, as far as it takes to prove something about sessions. */
export function createVisitor(url: string, { patienceMs = PATIENCE_MS, cookie: initialCookie }: Given = {}): Visitor {
  let cookie = initialCookie

  async function ask(path: string, init: RequestInit = {}): Promise<Answer> {
    const headers = new Headers(init.headers)
    if (cookie !== undefined) headers.set('Cookie', cookie)
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
    }
    const isJson = response.headers.get('Content-Type')?.includes('json')
    return {
      status: response.status,
      servedBy: response.headers.get('X-Served-By') ?? 'nobody',
      headers: response.headers,
      body: isJson ? JSON.parse(text) : {},
    }
  }

  return {
    ask,
    logIn: (account = ADA) =>
      ask('/auth/login', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(account),
      }),
    whoAmI: () => ask('/api/user'),
    logOut: () => ask('/auth/logout', { method: 'POST' }),
    cookie: () => cookie,
    copy: () => createVisitor(url, cookie === undefined ? {} : { cookie }),
  }
}
