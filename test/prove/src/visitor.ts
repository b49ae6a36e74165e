import {
  type Account,
  type Call,
  find,
  findText,
  type Heard,
  nodeOf,
  type Standing,
  speak,
  standingOf,
} from '../../../loadtest/lib/app-speech.ts'
import type { Answer, Client } from './client.ts'
import type { App } from './description.ts'
import { createJar, type Jar, parseSetCookie } from './jar.ts'

export interface Reply extends Answer {
  heard: Heard
  /** The node that responded. Undefined if the response names none. */
  node: string | undefined
}

export interface Seen extends Reply {
  standing: Standing
}

/** One user with one browser. */
export interface Visitor {
  account: Account
  jar: Jar
  logIn(): Promise<Reply>
  /** Loads the page that the login needs, if it needs one. */
  prepareLogin(): Promise<void>
  whoAmI(deadlineMs?: number): Promise<Seen>
  logOut(): Promise<Reply>
  /** A second browser with a copy of the cookies, or of those with these names. */
  copy(names?: readonly string[]): Visitor
  /** Loads what a change of data needs. The result can be called many times at once, with a number for `{n}`. */
  prepareChange(): Promise<(n: number) => Promise<Reply>>
  /** The number, or how many items the list has. Undefined if the response is an error. */
  readData(): Promise<number | undefined>
}

interface Given {
  app: App
  client: Client
  account: Account
  jar?: Jar
  /** Is called with each token that the visitor receives, and the name of its cookie, if it is one. */
  onToken: (token: string, cookie?: string) => void
}

export function createVisitor({ app, client, account, jar = createJar(), onToken }: Given): Visitor {
  const names = { username: account.username, password: account.password }

  async function send(call: Call, values: Record<string, string>, token?: string, deadlineMs?: number): Promise<Reply> {
    const spoken = speak(call, values, token)
    const answer = await client.send(spoken, {
      cookie: jar.header(),
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    })
    jar.store(answer.setCookies)
    for (const { name, value } of answer.setCookies.map(parseSetCookie)) onToken(value, name)
    const heard = { status: answer.status, headers: answer.headers, cookies: jar.all(), text: answer.text }
    return { ...answer, heard, node: answer.status === 0 ? undefined : nodeOf(app, heard) }
  }

  async function csrfToken({ csrf }: Call): Promise<string | undefined> {
    if (csrf === undefined) return undefined
    const page: Call = { method: 'GET', path: csrf.page ?? '/', headers: {} }
    const { heard } =
      csrf.page === undefined
        ? { heard: { status: 200, headers: {}, cookies: jar.all(), text: '' } }
        : await send(page, {})
    const token = findText(csrf.from, heard)
    if (token !== undefined) onToken(token)
    return token
  }

  const call = async (described: Call) => send(described, names, await csrfToken(described))

  return {
    account,
    jar,
    logIn: () => call(app.login),
    async prepareLogin() {
      await csrfToken(app.login)
    },
    logOut: () => call(app.logout),
    async whoAmI(deadlineMs) {
      const reply = await send(app.user, names, undefined, deadlineMs)
      return { ...reply, standing: standingOf(app, reply.heard, account) }
    },
    copy: (chosen) => createVisitor({ app, client, account, jar: jar.copy(chosen), onToken }),
    async prepareChange() {
      const { data } = app
      if (data === undefined) throw new Error('no data is described')
      const token = await csrfToken(data.change)
      return (n) => send(data.change, { ...names, n: String(n) }, token)
    },
    async readData() {
      const { data } = app
      if (data === undefined) throw new Error('no data is described')
      const { heard, status } = await send(data.read, names)
      return status >= 200 && status <= 299 ? countOf(find(data.value, heard)) : undefined
    },
  }
}

/** A number as it is, a list by its length. Nothing counts 0, because an empty basket may be absent. */
function countOf(value: unknown): number | undefined {
  if (value === undefined || value === null || value === '') return 0
  if (typeof value === 'number') return value
  if (Array.isArray(value)) return value.length
  if (typeof value === 'object') return Object.keys(value).length
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}
