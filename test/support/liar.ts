import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'

/** The one guarantee that it breaks. */
export type Lie =
  | 'none'
  | 'one node'
  | 'one creator'
  | 'keeps sessions on their node'
  | 'another user'
  | 'logout does nothing'
  | 'logout on one node only'
  | 'always 401'
  | 'no login'
  // Not a fault: it replaces the token in every response and rejects the old one.
  | 'rotates'

interface Session {
  username: string
  createdOn: string
  /** The nodes that reject it. */
  endedOn: Set<string>
}

const NODES = ['app-1', 'app-2', 'app-3']

/** Simulates three nodes behind a balancer that break one guarantee. */
export async function startLiar(t: TestContext, lie: Lie) {
  const nodes = lie === 'one node' ? ['app-1'] : NODES
  const sessions = new Map<string, Session>()
  let turn = 0
  let logins = 0
  let rotations = 0

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const isLogin = req.url === '/auth/login'
    const node = (isLogin && lie === 'one creator' ? 'app-1' : nodes[turn++ % nodes.length]) ?? ''
    const json = (status: number, body: object, headers: Record<string, string> = {}) =>
      res
        .writeHead(status, { 'Content-Type': 'application/json', 'X-Served-By': node, ...headers })
        .end(JSON.stringify(body))
    const [, token = ''] = /shop=(\S+)/.exec(req.headers.cookie ?? '') ?? []
    const session = sessions.get(token)
    const view = ({ username, createdOn }: Session) => ({
      user: { username: lie === 'another user' ? 'eve' : username },
      session: { id: 'a session', createdOn },
    })

    if (req.url === '/api/cluster') return void json(200, { nodes: nodes.map((name) => ({ name })) })
    if (isLogin) {
      if (lie === 'no login') return void json(401, {})
      let body = ''
      for await (const piece of req) body += piece
      const fresh = `token-${++logins}`
      const created = { username: JSON.parse(body).username, createdOn: node, endedOn: new Set<string>() }
      sessions.set(fresh, created)
      return void json(200, view(created), { 'Set-Cookie': `shop=${fresh}; Path=/; HttpOnly` })
    }
    if (req.url === '/auth/logout') {
      const endedOn = lie === 'logout does nothing' ? [] : lie === 'logout on one node only' ? [node] : NODES
      for (const one of endedOn) session?.endedOn.add(one)
      res.writeHead(204, { 'X-Served-By': node, 'Set-Cookie': 'shop=; Path=/; Max-Age=0' })
      return void res.end()
    }
    const isKnown =
      session !== undefined &&
      !session.endedOn.has(node) &&
      lie !== 'always 401' &&
      (lie !== 'keeps sessions on their node' || session.createdOn === node)
    if (!isKnown) return void json(401, {})
    if (lie !== 'rotates') return void json(200, view(session))
    sessions.delete(token)
    sessions.set(`token-${++rotations}-rotated`, session)
    json(200, view(session), { 'Set-Cookie': `shop=token-${rotations}-rotated; Path=/; HttpOnly` })
  }

  const server = createServer((req, res) => void answer(req, res)).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const address = server.address()
  /** Sessions that were not logged out. */
  const left = () => [...sessions.values()].filter(({ endedOn }) => endedOn.size === 0).length
  return { url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, left, sessions }
}
