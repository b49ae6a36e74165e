import { randomInt } from 'node:crypto'
import { countRequest, type Matrix } from '../../../../app/page/shared/matrix.ts'
import { createRound } from '../../../../app/page/shared/round.ts'
import { unproved } from '../../../../loadtest/lib/judge.ts'
import { renderMatrix } from '../../../../loadtest/lib/matrix-text.ts'
import { type Finding, tally } from '../finding.ts'
import type { Seen, Visitor } from '../visitor.ts'
import type { Question, World } from '../world.ts'

const UNNAMED_LOGINS = 4

/** Every node accepts the sessions that every node has created. */
export const everyNode: Question = {
  id: 'every-node',
  title: 'Every node honours every session',
  async ask(world) {
    const { nodes, app } = world
    const created = await logInOnEveryNode(world)
    const matrix: Matrix = nodes.flatMap((servedBy) =>
      [...created.keys()].map((createdOn) => ({ createdOn, servedBy, honoured: 0, rejected: 0 })),
    )
    const failures: string[] = []
    for (const [createdOn, visitor] of created) {
      const look = ({ standing, node, status, failure }: Seen) => {
        if (standing !== 'honoured') failures.push(standing === 'failed' ? (failure ?? `${status}`) : standing)
        countRequest(matrix, createdOn, node ?? 'unnamed', standing === 'honoured')
      }
      await world.askEveryNode(visitor, app.minPerCell, look)
      // A cookie of the balancer may bind the browser to one node. The session must not depend on it.
      if (isMissing(matrix, createdOn, nodes, app.minPerCell))
        await world.askEveryNode(visitor.copy(world.sessionCookies), app.minPerCell, look)
    }
    const did = `Logged in ${created.size} times, and sent each session to every node, ${app.minPerCell} times or more.`
    const saw = [renderMatrix(matrix), ...(failures.length > 0 ? [`Not honoured: ${tally(failures)}`] : [])]
    return { did, saw, ...judge(matrix, nodes, app.minPerCell) }
  },
}

/** A session of each node, by the name of the node. If the login does not name its node: more sessions, by number. */
async function logInOnEveryNode(world: World): Promise<Map<string, Visitor>> {
  const { nodes, app } = world
  const created = new Map<string, Visitor>()
  const anonymous = nodes.length === 0 ? UNNAMED_LOGINS : 2 * nodes.length
  const round = createRound({ nodes: () => nodes, times: 1 })
  for (let logins = 0; nodes.length === 0 ? logins < anonymous : round.goesOn(); logins++) {
    const { visitor, reply } = await world.logIn()
    if (app.node === undefined || reply.node === undefined) {
      created.set(`session ${created.size + 1}`, visitor)
      if (created.size >= anonymous) break
    } else if (created.has(reply.node)) {
      await world.logOut(visitor)
      // In a strict round robin, equal steps may never reach one of the nodes.
      for (let extra = randomInt(nodes.length); extra > 0; extra--) await visitor.copy([]).whoAmI()
    } else created.set(reply.node, visitor)
    round.add(reply.node ?? '')
  }
  return created
}

const isMissing = (matrix: Matrix, createdOn: string, nodes: readonly string[], minimum: number) =>
  nodes.some((node) => {
    const cell = matrix.find((one) => one.createdOn === createdOn && one.servedBy === node)
    return cell === undefined || cell.honoured + cell.rejected < minimum
  })

function judge(matrix: Matrix, nodes: readonly string[], minimum: number): Pick<Finding, 'verdict' | 'concluded'> {
  const rejected = matrix.filter((cell) => cell.rejected > 0)
  if (rejected.length > 0)
    return { verdict: 'FAIL', concluded: `Sessions were not honoured: ${unproved(rejected, minimum).join('; ')}.` }
  if (nodes.length === 0)
    return {
      verdict: 'NOT JUDGED',
      concluded:
        'All requests were honoured, but responses name no node, so it is unknown whether a second one responded.',
    }
  if (nodes.length === 1) return { verdict: 'NOT JUDGED', concluded: `No second node was seen: only ${nodes[0]}.` }
  // Without the names of the creators, each session must be honoured by every node, so also by one that did not create it.
  const named = matrix.some(({ createdOn }) => nodes.includes(createdOn))
  const missing = unproved(matrix, minimum, named ? nodes : [])
  if (missing.length > 0) return { verdict: 'NOT JUDGED', concluded: `Not every pair was seen: ${missing.join('; ')}.` }
  return { verdict: 'PASS', concluded: `Each of the ${nodes.length} nodes honoured the sessions of all.` }
}
