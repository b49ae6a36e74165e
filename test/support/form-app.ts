import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'

interface Session {
  user: string | undefined
  items: string[]
}

const NODES = ['left', 'right']

/**
 * An honest application that speaks as older frameworks do: a login form with a token in a cookie, redirects, pages of HTML,
 * a logout form with a token in the page, the node in a cookie, a display name, and a list in the session.
 */
export async function startFormApp(t: TestContext) {
  const sessions = new Map<string, Session>()
  const state = { turn: 0, tokens: 0 }

  async function respond(req: IncomingMessage, res: ServerResponse): Promise<unknown> {
    const node = NODES[state.turn++ % NODES.length] ?? ''
    const cookies = new Map(
      (req.headers.cookie ?? '').split('; ').map((pair) => [pair.split('=')[0], pair.split('=')[1]]),
    )
    const [token = '', csrf = ''] = [cookies.get('PHPSESSID'), cookies.get('csrftoken')]
    const session = sessions.get(token)
    let body = ''
    for await (const piece of req) body += piece
    const form = new URLSearchParams(body)
    const send = (status: number, text: string, cookie: string[] = [], headers: Record<string, string> = {}) =>
      res
        .writeHead(status, {
          ...{ 'Content-Type': 'text/html', 'Cache-Control': 'private', ...headers },
          'Set-Cookie': [`SERVERID=${node}; Path=/`, ...cookie],
        })
        .end(text)
    const redirect = (to: string, cookie: string[] = []) => send(302, '', cookie, { Location: to })

    if (req.url === '/accounts/login' && req.method === 'GET')
      return send(200, '<form>', [`csrftoken=cookie-token-${++state.tokens}; Path=/`])
    if (req.url === '/accounts/login') {
      const isRight = csrf !== '' && req.headers['x-csrftoken'] === csrf && form.get('pass') === 'p&ss wörd'
      if (!isRight) return send(403, 'Forbidden')
      const fresh = `php-session-${++state.tokens}-${'1'.repeat(10)}`
      sessions.set(fresh, { user: form.get('user') ?? '', items: [] })
      return redirect('/profile', [`PHPSESSID=${fresh}; Path=/; HttpOnly; SameSite=Strict`])
    }
    if (session?.user === undefined) return redirect('/accounts/login')
    if (req.url === '/profile')
      return send(200, `<p>Hello <b>Dr. ${session.user}</b></p><input name="token" value="page-token">`)
    if (req.url === '/accounts/logout') {
      if (form.get('token') !== 'page-token') return send(403, 'Forbidden')
      sessions.delete(token)
      return redirect('/', ['PHPSESSID=deleted; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/'])
    }
    if (req.url?.startsWith('/cart/add/')) session.items.push(req.url)
    return send(200, JSON.stringify({ cart: { items: session.items } }), [], { 'Content-Type': 'application/json' })
  }

  const server = createServer((req, res) => void respond(req, res)).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const address = server.address()
  return { url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, left: () => sessions.size }
}

/** Its description, with URL for the address. SHOP_PASSWORD is the password of ann. */
export const FORM_APP = `
name: Old shop
url: URL
login:
  path: /accounts/login
  form: { user: "{username}", pass: "{password}" }
  csrf: { page: /accounts/login, from: { cookie: csrftoken }, header: X-CSRFToken }
user: { path: /profile, name: { pattern: "Hello <b>(.*?)</b>" } }
logout:
  path: /accounts/logout
  csrf: { page: /profile, from: { pattern: 'name="token" value="(.*?)"' }, field: token }
node: { cookie: SERVERID }
accounts:
  - { username: ann, password: { env: SHOP_PASSWORD }, shownAs: Dr. ann }
  - { username: bob, password: "p&ss wörd", shownAs: Dr. bob }
data:
  change: { path: "/cart/add/{n}" }
  read: { path: /cart }
  value: { body: cart.items }
`
