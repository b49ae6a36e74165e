import { type Check, type Counted, emptyLogoutCount, isHonoured, type LogoutCount } from 'loadtest/lib/judge'
import { countRequest, emptyMatrix, type Matrix } from 'loadtest/shared/matrix'
import { createRound } from 'loadtest/shared/round'
import { ADA, ALAN, type Credentials, GRACE } from './http.ts'
import { type Answer, createVisitor, type Visitor } from './visitor.ts'

export interface Proof extends Counted {
  matrix: Matrix
  logout: LogoutCount[]
}

interface Aim {
  url: string
  nodes: readonly string[]
  minPerCell: number
  /** The accounts to log in to in turn. By default the demo accounts. */
  accounts?: readonly Credentials[]
  /** Stops the proof early. It ends its sessions in any case. */
  signal?: AbortSignal
}

/**
 * Counts the same as loadtest/1-matrix.ts and 2-logout.ts, without k6. It logs out all its sessions at the end. `judge`
 * decides what the counts prove.
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

/** Logs in and out, remembers the sessions, and counts the successes. */
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
      if (!account) throw new Error('no account to log in to')
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
  const round = createRound({ nodes: () => nodes, times: 1 })
  while (round.goesOn()) {
    const session = await visitors.logIn()
    // One failure is enough. More would only lock the account.
    if (!session) return matrix
    if (sessions.has(session.servedBy)) await visitors.logOut(session.visitor)
    else sessions.set(session.servedBy, session)
    round.add(session.servedBy)
  }
  for (const [createdOn, { visitor, username }] of sessions) {
    await askEveryNode(aim, visitor, (answer) => {
      countRequest(matrix, createdOn, answer.servedBy, isHonoured(identityIn(answer), { username, createdOn }))
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
  const thief = session.visitor.copy()
  await askEveryNode(aim, thief, (answer) => {
    if (isHonoured(identityIn(answer), session)) countOf(answer.servedBy).acceptedBefore++
    else countOf(answer.servedBy).rejectedBefore++
  })
  await visitors.logOut(session.visitor)
  await askEveryNode(aim, thief, ({ servedBy, status }) => {
    if (status === 401) countOf(servedBy).rejectedAfter++
    else countOf(servedBy).acceptedAfter++
  })
  return counts
}

const identityIn = ({ status, body }: Answer) => ({
  status,
  username: body.user?.username,
  createdOn: body.session?.createdOn,
})

async function askEveryNode(
  { nodes, minPerCell, signal }: Aim,
  visitor: Visitor,
  look: (answer: Answer) => void,
): Promise<void> {
  const round = createRound({ nodes: () => nodes, times: minPerCell })
  while (round.goesOn()) {
    signal?.throwIfAborted()
    const answer = await visitor.whoAmI()
    look(answer)
    round.add(answer.servedBy)
  }
}
