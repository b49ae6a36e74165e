import { ADA, ALAN, type Credentials, GRACE } from '../support/http.ts'
import { EXHIBITS } from './exhibits.ts'
import { startExhibit } from './stack.ts'

// Why not sticky sessions? How many users are signed out if each node keeps its own sessions, and the balancer binds each browser
// to one node.

const USERS = 60
const EVENTS = { restart: 'Rolling restart', kill: 'A killed node', 'scale-down': 'Scale-down from three nodes to two' }
/** Nodes that were not told to keep sessions have them in Redis. */
export const STORES = {
  memory: { env: { SESSION_STORE: 'memory' }, isSticky: true },
  redis: { env: {}, isSticky: false },
}

export interface StickyRow {
  event: string
  users: number
  /** Users who were signed out by the event. */
  memory: number
  redis: number
}

export async function measureSticky(): Promise<StickyRow[]> {
  const rows: StickyRow[] = []
  for (const [control, event] of Object.entries(EVENTS)) {
    const memory = await countSignedOut(control, STORES.memory, USERS)
    const redis = await countSignedOut(control, STORES.redis, USERS)
    rows.push({ event, users: USERS, memory, redis })
  }
  return rows
}

/** Logs this many users in, lets the event happen to the nodes, and counts who is signed out afterwards. */
export async function countSignedOut(
  control: string,
  { env, isSticky }: (typeof STORES)['memory' | 'redis'],
  users: number,
): Promise<number> {
  const exhibit = EXHIBITS.find(({ name }) => name === 'this-project')
  if (exhibit === undefined) throw new Error('the project is no exhibit')
  const url = `http://127.0.0.1:${exhibit.port}`
  const stop = await startExhibit(exhibit, { env: { SESSION_MAX: `${users}`, ...env }, isSticky })
  try {
    const accounts = [ADA, GRACE, ALAN]
    const browsers: string[] = []
    for (let user = 0; user < users; user++) browsers.push(await logIn(url, accounts[user % accounts.length] ?? ADA))
    const before = await countAnswers(url, browsers, 200)
    if (before !== users) throw new Error(`${users - before} of ${users} users were signed out before ${control}`)
    const { status } = await fetch(`${url}/-/${control}`, { method: 'POST' })
    if (status !== 204) throw new Error(`${control} got ${status}`)
    return await countAnswers(url, browsers, 401)
  } finally {
    await stop()
  }
}

async function logIn(url: string, account: Credentials): Promise<string> {
  const response = await fetch(`${url}/auth/login`, {
    ...{ method: 'POST', body: JSON.stringify(account) },
    headers: { 'Content-Type': 'application/json' },
  })
  if (response.status !== 200) throw new Error(`a login got ${response.status}`)
  return response.headers
    .getSetCookie()
    .map((line) => line.split(';', 1)[0])
    .join('; ')
}

async function countAnswers(url: string, browsers: readonly string[], status: number): Promise<number> {
  let count = 0
  for (const cookie of browsers)
    if ((await fetch(`${url}/api/user`, { headers: { cookie } })).status === status) count++
  return count
}
