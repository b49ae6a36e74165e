import { emptyMatrix, type Matrix } from '../../loadtest/lib/matrix.ts'
import { createVisitor, type Visitor } from './visitor.ts'

export interface Proof {
  matrix: Matrix
  /** For each node, how often it refused a cookie after the logout, and how often it still honoured it. */
  logout: { node: string; refused: number; honoured: number }[]
}

interface Aim {
  url: string
  nodes: readonly string[]
  minPerCell: number
}

/** The proof of loadtest/1-matrix.ts and 2-logout.ts without k6: any HTTP client can make it. */
export async function prove({ url, nodes, minPerCell }: Aim): Promise<Proof> {
  const matrix = emptyMatrix(nodes)
  const sessions = await createOneOnEachNode(url, nodes)
  for (const [createdOn, visitor] of sessions) {
    await askUntilEachAnswered({ visitor, nodes, minPerCell }, ({ servedBy, status, body }) => {
      const cell = matrix.find((one) => one.createdOn === createdOn && one.servedBy === servedBy)
      const isHonoured = status === 200 && body.session?.createdOn === createdOn
      // A node that nobody expected makes a cell of its own: it is refused or honoured like any other.
      const counted = cell ?? { createdOn, servedBy, honoured: 0, refused: 0 }
      if (!cell) matrix.push(counted)
      if (isHonoured) counted.honoured++
      else counted.refused++
    })
  }

  const logout = nodes.map((node) => ({ node, refused: 0, honoured: 0 }))
  const visitor = createVisitor(url)
  await visitor.logIn()
  const thief = visitor.copy()
  await visitor.logOut()
  await askUntilEachAnswered({ visitor: thief, nodes, minPerCell }, ({ servedBy, status }) => {
    const count = logout.find(({ node }) => node === servedBy)
    if (!count) return
    if (status === 401) count.refused++
    else count.honoured++
  })
  return { matrix, logout }
}

/** What the proof does not show, in words; empty when it shows everything. */
export function unprovedLogout(logout: Proof['logout'], minimum: number): string[] {
  return logout.flatMap(({ node, refused, honoured }) => {
    if (honoured > 0) return [`after logout, ${node} still honoured the cookie ${honoured} times`]
    if (refused < minimum) return [`after logout, ${node} was asked ${refused} times, at least ${minimum} are needed`]
    return []
  })
}

async function createOneOnEachNode(url: string, nodes: readonly string[]): Promise<Map<string, Visitor>> {
  const sessions = new Map<string, Visitor>()
  for (let logins = 0; sessions.size < nodes.length && logins < 10 * nodes.length; logins++) {
    const visitor = createVisitor(url)
    const { status, servedBy } = await visitor.logIn()
    if (status !== 200) throw new Error(`The login was answered with ${status} by ${servedBy}`)
    sessions.set(servedBy, visitor)
  }
  return sessions
}

async function askUntilEachAnswered(
  { visitor, nodes, minPerCell }: Pick<Aim, 'nodes' | 'minPerCell'> & { visitor: Visitor },
  look: (answer: Awaited<ReturnType<Visitor['whoAmI']>>) => void,
): Promise<void> {
  const seen = new Map<string, number>()
  const isEnough = () => nodes.every((node) => (seen.get(node) ?? 0) >= minPerCell)
  for (let asked = 0; !isEnough() && asked < 20 * nodes.length * minPerCell; asked++) {
    const answer = await visitor.whoAmI()
    look(answer)
    seen.set(answer.servedBy, (seen.get(answer.servedBy) ?? 0) + 1)
  }
}
