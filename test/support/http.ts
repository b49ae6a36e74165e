/** A request without a cookie jar. A test that needs a jar uses a visitor. */
export interface Sent extends RequestInit {
  cookie?: string | undefined
  /** The body, sent as JSON. */
  json?: unknown
}

/** Sends one request to a node or a balancer. */
export function send(url: string, path: string, { cookie = '', json, ...init }: Sent = {}): Promise<Response> {
  const headers = new Headers(init.headers)
  if (cookie !== '') headers.set('Cookie', cookie)
  if (json === undefined) return fetch(new URL(path, url), { ...init, headers })
  headers.set('Content-Type', 'application/json')
  return fetch(new URL(path, url), { ...init, headers, body: JSON.stringify(json) })
}

export interface Credentials {
  username: string
  password: string
}

// The demo accounts: app/demo-users.json.
export const ADA: Credentials = { username: 'ada', password: 'analytical-engine' }
export const GRACE: Credentials = { username: 'grace', password: 'nanosecond' }
export const ALAN: Credentials = { username: 'alan', password: 'universal-machine' }

export const logIn = (url: string, account: Credentials = ADA, headers: Record<string, string> = {}) =>
  send(url, '/auth/login', { method: 'POST', json: account, headers })

export const logOut = (url: string, cookie = '') => send(url, '/auth/logout', { method: 'POST', cookie })

export const getUser = (url: string, cookie: string) => send(url, '/api/user', { cookie })

/** The first cookie that a response sets, as a browser sends it back. Empty if the response sets none. */
export const cookieOf = ({ headers }: Pick<Response, 'headers'>) =>
  (headers.getSetCookie()[0] ?? '').split(';', 1)[0] ?? ''

/** The value of a metric of one node with a single time series. NaN if the metric does not exist. */
export async function readMetric(url: string, name: string): Promise<number> {
  const text = await (await send(url, '/metrics')).text()
  return Number(new RegExp(`^${name}\\{[^}]*} (\\S+)`, 'm').exec(text)?.[1])
}
