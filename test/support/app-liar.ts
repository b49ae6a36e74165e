import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

/** What it does wrong, or cannot show. */
export type AppLie =
  | 'none'
  | 'one node'
  | 'no node names'
  | 'keeps sessions on their node'
  | 'another user on one node'
  | 'logout does nothing'
  | 'logout on one node only'
  | 'cookie does nothing'
  | 'late write'
  | 'late write of changes'
  | 'logout fails'
  | 'keeps the token'
  | 'old token follows the user'
  | 'ignores a second login'
  | 'adopts a token'
  | 'login fails with a cookie'
  | 'one session for all'
  | 'one session for each user'
  | 'errors after a logout'
  | 'loses changes'
  | 'changes twice'
  | 'change does nothing'
  | 'changes on one node'
  | 'cookie for scripts'
  | 'cookie without SameSite'
  | 'cookie for other sites'
  | 'cacheable'
  | 'cacheable but for Set-Cookie'
  // Not a fault.
  | 'varies by cookie'
  | 'no user'
  | 'away: signed out'
  | 'away: slow'
  | 'away: clears the cookie'
  | 'away: forgets'
  | 'away: never back'
  | 'away: one node never back'
  | 'away: nothing'
  | 'restart forgets'
  | 'restart fails requests'

interface Session {
  username: string | undefined
  createdOn: string
  basket: number
  endedOn: Set<string>
}

const NODES = ['app-1', 'app-2', 'app-3']
const WORK_MS = 4
const CACHING: { [lie in AppLie]?: Record<string, string> } = {
  cacheable: {},
  'cacheable but for Set-Cookie': { 'Cache-Control': 'no-cache="Set-Cookie"' },
  'varies by cookie': { Vary: 'Cookie' },
}

/** Simulates an application on three nodes that does one thing wrong. It has a login form with a token, and a basket. */
export async function startAppLiar(t: TestContext, lie: AppLie) {
  const sessions = new Map<string, Session>()
  const names = lie === 'one node' ? ['app-1'] : NODES
  const state = { turn: 0, tokens: 0, isAway: false, wasAway: false, isRestarting: false, requests: 0 }
  const token = () => `${(++state.tokens).toString(36)}x${Math.random().toString(36).slice(2)}${'0'.repeat(8)}`

  const server = createServer((req, res) => {
    state.requests++
    const node = names[state.turn++ % names.length] ?? ''
    const [, cookie = ''] = /sid=([^;]+)/.exec(req.headers.cookie ?? '') ?? []
    void respond({ lie, req, res, node, cookie, sessions, state, token }).catch(() => res.destroy())
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  /** Sessions of users that were not logged out. */
  const left = () => [...sessions.values()].filter(({ username, endedOn }) => username && endedOn.size === 0).length
  return { url, left, sessions, requests: () => state.requests, isAway: () => state.isAway }
}

interface Request {
  lie: AppLie
  req: IncomingMessage
  res: ServerResponse
  node: string
  cookie: string
  sessions: Map<string, Session>
  state: { isAway: boolean; wasAway: boolean; isRestarting: boolean }
  token: () => string
}

type Respond = (status: number, body: object, headers?: Record<string, string>) => undefined

async function respond(request: Request): Promise<void> {
  const { lie, req, res, node, state } = request
  const answer: Respond = (status, body, headers = {}) => {
    res.writeHead(status, {
      'Content-Type': 'application/json',
      ...(CACHING[lie] ?? { 'Cache-Control': 'no-store' }),
      ...(lie === 'no node names' ? {} : { 'X-Node': node }),
      ...headers,
    })
    res.end(JSON.stringify(body))
  }
  if (req.url?.startsWith('/control/')) return control(request, answer)
  if (state.isRestarting && lie === 'restart fails requests') return answer(502, {})
  const staysAway = lie === 'away: one node never back' && node === 'app-2' && state.wasAway
  if ((state.isAway || staysAway) && lie !== 'away: nothing') {
    if (lie === 'away: signed out') return answer(401, {})
    if (lie === 'away: slow') await sleep(3_500)
    return answer(503, {}, lie === 'away: clears the cookie' ? { 'Set-Cookie': 'sid=; Path=/; Max-Age=0' } : {})
  }
  if (req.url === '/login' && req.method === 'GET') return showForm(request, answer)
  if (req.url === '/login') return logIn(request, answer)
  if (req.url === '/logout') return logOut(request, answer)
  return useSession(request, answer)
}

async function control({ req, state, sessions, lie }: Request, answer: Respond): Promise<void> {
  if (req.url === '/control/away') state.isAway = state.wasAway = true
  if (req.url === '/control/back') {
    if (lie !== 'away: never back') state.isAway = false
    if (lie === 'away: forgets') sessions.clear()
  }
  if (req.url === '/control/restart') {
    state.isRestarting = true
    await sleep(2_500)
    if (lie === 'restart forgets')
      for (const [key, { createdOn }] of sessions) if (createdOn === 'app-2') sessions.delete(key)
    state.isRestarting = false
  }
  answer(204, {})
}

/** The login form starts a session of nobody. */
function showForm({ cookie, sessions, token, node, lie }: Request, answer: Respond): undefined {
  if (sessions.has(cookie)) return answer(200, { form: 'csrf-token' })
  // The token that the client brings, or a new one.
  const fresh = lie === 'adopts a token' && cookie !== '' ? cookie : token()
  sessions.set(fresh, { username: undefined, createdOn: node, basket: 0, endedOn: new Set() })
  answer(200, { form: 'csrf-token' }, { 'Set-Cookie': setCookie(fresh, lie) })
}

function setCookie(token: string, lie: AppLie): string {
  const flags = ['Path=/', 'HttpOnly', 'SameSite=Lax'].filter(
    (flag) =>
      !(lie === 'cookie for scripts' && flag === 'HttpOnly') &&
      !(lie === 'cookie without SameSite' && flag.startsWith('SameSite')),
  )
  return [`sid=${token}`, ...flags].join('; ').replace('Lax', lie === 'cookie for other sites' ? 'None' : 'Lax')
}

async function logIn({ req, cookie, sessions, token, node, lie }: Request, answer: Respond): Promise<void> {
  let body = ''
  for await (const piece of req) body += piece
  const form = new URLSearchParams(body)
  const [username, password] = [form.get('username') ?? '', form.get('password')]
  if (form.get('csrf') !== 'csrf-token' || password !== `secret-of-${username}`) return answer(401, {})
  const old = sessions.get(cookie)
  if (lie === 'login fails with a cookie' && old === undefined && cookie !== '') return answer(503, {})
  if (lie === 'ignores a second login' && old?.username !== undefined) return answer(200, {})
  const created = { username, createdOn: node, basket: 0, endedOn: new Set<string>() }
  if (lie === 'one session for each user')
    for (const [key, session] of sessions) if (session.username === username) sessions.delete(key)
  const keeps = lie === 'keeps the token' || (lie === 'adopts a token' && old?.username === undefined)
  const fresh = keeps && old !== undefined ? cookie : lie === 'one session for all' ? `all-${username}-000000` : token()
  if (lie === 'old token follows the user' && old !== undefined) sessions.set(cookie, created)
  else if (lie !== 'ignores a second login') sessions.delete(cookie)
  sessions.set(fresh, created)
  answer(200, {}, lie === 'cookie does nothing' ? {} : { 'Set-Cookie': setCookie(fresh, lie) })
}

function logOut({ cookie, sessions, node, lie }: Request, answer: Respond): undefined {
  if (lie === 'logout fails') return answer(500, {})
  const session = sessions.get(cookie)
  const ends = lie === 'logout does nothing' ? [] : lie === 'logout on one node only' ? [node] : NODES
  if (session !== undefined && ends.length === NODES.length)
    sessions.set(cookie, { ...session, endedOn: new Set(ends) })
  else for (const one of ends) session?.endedOn.add(one)
  answer(204, {}, { 'Set-Cookie': 'sid=; Path=/; Max-Age=0' })
}

async function useSession({ req, cookie, sessions, node, lie }: Request, answer: Respond): Promise<void> {
  const session = sessions.get(cookie)
  const isOpen =
    session?.username !== undefined &&
    !session.endedOn.has(node) &&
    (lie !== 'keeps sessions on their node' || session.createdOn === node)
  if (!isOpen) {
    const status = lie === 'errors after a logout' && session !== undefined ? 500 : 401
    // As many applications do. A client that follows has no cookie to send to the next node.
    return answer(status, {}, { 'Set-Cookie': 'sid=; Path=/; Max-Age=0' })
  }
  const isChange = req.method === 'POST'
  if (isChange && lie === 'changes on one node' && node !== 'app-1') return answer(409, {})
  const { basket } = session
  if (isChange && lie !== 'loses changes' && lie !== 'change does nothing') {
    const first = basket === 0
    session.basket += lie === 'changes twice' && !first ? 2 : 1
  }
  await sleep(WORK_MS)
  if (isChange && lie === 'loses changes') session.basket = basket + 1
  if (lie === 'late write' || (isChange && lie === 'late write of changes')) sessions.set(cookie, session)
  if (lie === 'no user') return answer(200, {})
  answer(200, {
    user: lie === 'another user on one node' && node === 'app-2' ? 'eve' : session.username,
    basket: sessions.get(cookie)?.basket ?? 0,
  })
}
