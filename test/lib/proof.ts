import { type Check, type Counted, emptyLogoutCount, type LogoutCount } from '../../loadtest/lib/judge.ts'
import { emptyMatrix, type Matrix } from '../../loadtest/lib/matrix.ts'
import { ADA, ALAN, type Answer, type Credentials, createVisitor, GRACE, type Visitor } from './visitor.ts'

export interface Proof extends Counted {
  matrix: Matrix
  logout: LogoutCount[]
}

interface Aim {
  url: string
  nodes: readonly string[]
  minPerCell: number
  /** The accounts to log in to, in turn; the demo accounts unless told. */
  accounts?: readonly Credentials[]
  /** Ends the proof early. Its sessions are ended in any case. */
  signal?: AbortSignal
}

/**
 * What loadtest/1-matrix.ts and 2-logout.ts count, without k6: any HTTP client can. All its sessions are logged out at the
 * end. It counts; whether that proves anything is for `judge` to say.
 */
export async function prove(aim: Aim): Promise<Proof> {
  const { url, nodes, minPerCell, accounts = [ADA, GRACE, ALAN], signal } = aim
  const visitors = createVisitors(url, accounts)
  try {
    const matrix = await countMatrix(aim, visitors)
    const logout = await countLogout(aim, visitors)
    signal?.throwIfAborted()
    return { nodes, minPerCell, matrix, logout, checks: await visitors.leave() }
  } finally {
    await visitors.leave()
  }
}

type Visitors = ReturnType<typeof createVisitors>

/** Logs in and out, remembers the sessions, and counts how often that succeeded. */
function createVisitors(url: string, accounts: readonly Credentials[]) {
  const login: Check = { name: 'login succeeds', passed: 0, failed: 0 }
  const logout: Check = { name: 'logout succeeds', passed: 0, failed: 0 }
  const present = new Set<Visitor>()
  let count = 0

  async function logOut(visitor: Visitor): Promise<void> {
    present.delete(visitor)
    const { status } = await visitor.logOut()
    if (status === 204) logout.passed++
    else logout.failed++
  }

  return {
    async logIn() {
      const account = accounts[count++ % accounts.length]
      if (!account) throw new Error('there is no account to log in to')
      const visitor = createVisitor(url, { agent: 'make prove' })
      const { status, servedBy } = await visitor.logIn(account)
      if (status !== 200) {
        login.failed++
        return undefined
      }
      login.passed++
      present.add(visitor)
      return { visitor, servedBy, username: account.username }
    },
    logOut,
    async leave(): Promise<Check[]> {
      const results = await Promise.allSettled([...present].map(logOut))
      logout.failed += results.filter(({ status }) => status === 'rejected').length
      return [login, logout]
    },
  }
}

async function countMatrix(aim: Aim, visitors: Visitors): Promise<Matrix> {
  const { nodes } = aim
  const matrix = emptyMatrix(nodes)
  const sessions = new Map<string, NonNullable<Awaited<ReturnType<Visitors['logIn']>>>>()
  for (let logins = 0; sessions.size < nodes.length && logins < 10 * nodes.length; logins++) {
    const session = await visitors.logIn()
    // One is enough to know, and more would only lock the account.
    if (!session) return matrix
    if (sessions.has(session.servedBy)) await visitors.logOut(session.visitor)
    else sessions.set(session.servedBy, session)
  }
  for (const [createdOn, { visitor, username }] of sessions) {
    await askUntilEachAnswered(aim, visitor, ({ servedBy, status, body }) => {
      let cell = matrix.find((one) => one.createdOn === createdOn && one.servedBy === servedBy)
      // A node that nobody expected has a cell of its own: it refuses or honours like any other.
      if (!cell) {
        cell = { createdOn, servedBy, honoured: 0, refused: 0 }
        matrix.push(cell)
      }
      const isHonoured = status === 200 && body.user?.username === username && body.session?.createdOn === createdOn
      if (isHonoured) cell.honoured++
      else cell.refused++
    })
  }
  return matrix
}

async function countLogout(aim: Aim, visitors: Visitors): Promise<LogoutCount[]> {
  const counts = aim.nodes.map(emptyLogoutCount)
  const countOf = (node: string) => {
    let count = counts.find((one) => one.node === node)
    if (!count) {
      count = emptyLogoutCount(node)
      counts.push(count)
    }
    return count
  }
  const session = await visitors.logIn()
  if (!session) return counts
  const { visitor, username } = session
  const thief = visitor.copy()
  await askUntilEachAnswered(aim, thief, ({ servedBy, status, body }) => {
    if (status === 200 && body.user?.username === username) countOf(servedBy).acceptedBefore++
    else countOf(servedBy).rejectedBefore++
  })
  await visitors.logOut(visitor)
  await askUntilEachAnswered(aim, thief, ({ servedBy, status }) => {
    if (status === 401) countOf(servedBy).rejectedAfter++
    else countOf(servedBy).acceptedAfter++
  })
  return counts
}

async function askUntilEachAnswered(
  { nodes, minPerCell, signal }: Aim,
  visitor: Visitor,
  look: (answer: Answer) => void,
): Promise<void> {
  const seen = new Map<string, number>()
  const isEnough = () => nodes.every((node) => (seen.get(node) ?? 0) >= minPerCell)
  for (let asked = 0; !isEnough() && asked < 20 * nodes.length * minPerCell; asked++) {
    signal?.throwIfAborted()
    const answer = await visitor.whoAmI()
    look(answer)
    seen.set(answer.servedBy, (seen.get(answer.servedBy) ?? 0) + 1)
  }
}
