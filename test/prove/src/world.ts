import { createRound } from '../../../app/page/shared/round.ts'
import type { Client } from './client.ts'
import type { App } from './description.ts'
import type { Finding } from './finding.ts'
import { createJar, type Jar } from './jar.ts'
import { createVisitor, type Reply, type Seen, type Visitor } from './visitor.ts'

/** What every question works with. */
export interface World {
  app: App
  /** The folder of the description. Commands run there. */
  folder: string
  signal: AbortSignal
  /** The nodes that take part. Empty if responses name none. */
  nodes: readonly string[]
  /** The cookies that are the session: usually one. Empty if the login sets none. */
  sessionCookies: readonly string[]
  /** Logs in, and remembers the visitor. Throws LoginFailed. */
  logIn(options?: { account?: number; jar?: Jar }): Promise<{ visitor: Visitor; reply: Reply }>
  /** A browser that is not logged in. */
  newVisitor(account?: number, jar?: Jar): Visitor
  logOut(visitor: Visitor): Promise<Reply>
  /**
   * Asks for the user until every node has responded `times` times. Nodes without names get a fixed number of requests. A
   * browser takes the cookies of responses that honour its session. A thief sends the same ones each time.
   */
  askEveryNode(visitor: Visitor, times: number, look: (seen: Seen) => void, as?: 'browser' | 'thief'): Promise<void>
  /** The session cookies of a visitor, as text. */
  tokenOf(visitor: Visitor): string
}

export interface Question {
  id: string
  title: string
  ask(world: World): Promise<Finding>
}

export class LoginFailed extends Error {}

/** Requests to nodes without names. */
const UNNAMED = 24

interface Given extends Pick<World, 'app' | 'folder' | 'signal'> {
  client: Client
}

export type MutableWorld = { -readonly [name in keyof World]: World[name] } & {
  /** All passwords and tokens of the run. */
  secrets(): Set<string>
  /** Logs out all sessions that are left. */
  logOutAll(): Promise<void>
  /** The same at the end of the run, beyond its bounds and its signal. */
  leave(): Promise<void>
}

/** Nodes and session cookies are unknown at first: explore.ts finds them. */
export function createWorld({ app, folder, signal, client }: Given): MutableWorld {
  const present = new Set<Visitor>()
  const { onToken, secrets } = createSecrets(app, () => world.sessionCookies)
  let logins = 0

  const newVisitor = (account = logins++, jar = createJar()) =>
    createVisitor({
      app,
      client,
      account: app.accounts[account % app.accounts.length] ?? app.accounts[0],
      jar,
      onToken,
    })

  async function logOut(visitor: Visitor): Promise<Reply> {
    const reply = await visitor.logOut()
    // Otherwise the end of the run tries again.
    if (reply.status > 0 && reply.status < 500) present.delete(visitor)
    return reply
  }

  const world: MutableWorld = {
    ...{ app, folder, signal, nodes: [], sessionCookies: [], newVisitor, logOut },
    async logIn({ account, jar } = {}) {
      const visitor = newVisitor(account, jar)
      const reply = await visitor.logIn()
      if (reply.status === 0 || reply.status >= 400)
        throw new LoginFailed(`the login as ${visitor.account.username} got ${reply.failure ?? reply.status}`)
      present.add(visitor)
      return { visitor, reply }
    },
    async askEveryNode(visitor, times, look, as = 'browser') {
      const { nodes } = world
      const round = createRound({ nodes: () => nodes, times })
      for (let sent = 0; nodes.length === 0 ? sent < UNNAMED : round.goesOn(); sent++) {
        const browser = visitor.copy()
        const seen = await browser.whoAmI()
        // What a rejection does to the cookies must not decide what the next node gets.
        if (as === 'browser' && seen.standing === 'honoured') visitor.jar.adopt(browser.jar)
        look(seen)
        round.add(seen.node ?? '')
      }
    },
    tokenOf: (visitor) => visitor.jar.header(world.sessionCookies),
    secrets,
    async logOutAll() {
      await Promise.allSettled([...present].map(logOut))
    },
    async leave() {
      client.leave()
      await world.logOutAll()
    },
  }
  return world
}

/** All passwords and tokens of a run. */
function createSecrets(app: App, sessionCookiesNow: () => readonly string[]) {
  const tokens: { token: string; cookie: string | undefined }[] = []

  return {
    onToken: (token: string, cookie?: string) => void tokens.push({ token, cookie }),

    secrets(): Set<string> {
      // A cookie that names the node is no secret, unless it is the session as well.
      const sessionCookies = sessionCookiesNow()
      const isSecret = (cookie?: string) =>
        cookie === undefined || cookie !== app.node?.cookie || sessionCookies.includes(cookie)
      const secret = tokens.filter(({ cookie }) => isSecret(cookie)).map(({ token }) => token)
      return new Set([...app.accounts.map(({ password }) => password), ...secret])
    },
  }
}
