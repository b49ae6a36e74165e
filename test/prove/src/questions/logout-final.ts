import { emptyLogoutCount, type LogoutCount, unprovedLogout } from '../../../../loadtest/lib/judge.ts'
import type { Finding } from '../finding.ts'
import type { Seen } from '../visitor.ts'
import type { Question } from '../world.ts'

/** After a logout, no node accepts a copy of the cookie. */
export const logoutFinal: Question = {
  id: 'logout-final',
  title: 'A logout is final on every node, also for a copied cookie',
  async ask(world) {
    const { nodes, app } = world
    const counts = new Map<string, LogoutCount>(nodes.map((node) => [node, emptyLogoutCount(node)]))
    const countOf = (node = 'the application') => {
      const count = counts.get(node) ?? emptyLogoutCount(node)
      counts.set(node, count)
      return count
    }
    let errors = 0
    const { visitor } = await world.logIn()
    const copy = visitor.copy(world.sessionCookies)
    await world.askEveryNode(copy, app.minPerCell, ({ standing, node }) => {
      if (standing === 'honoured') countOf(node).acceptedBefore++
      else countOf(node).rejectedBefore++
    })
    const copied = world.tokenOf(copy)
    const { status, failure } = await world.logOut(visitor)
    const look = ({ standing, node }: Seen) => {
      if (standing === 'signed out') countOf(node).rejectedAfter++
      else if (standing === 'failed') errors++
      else countOf(node).acceptedAfter++
    }
    await world.askEveryNode(copy, app.minPerCell, look, 'thief')
    const all = [...counts.values()]
    const did = `Logged in, copied the cookie, logged out, and sent the copy to every node before and after.`
    const saw = [
      `The logout got ${failure ?? status}.`,
      ...all.map(
        ({ node, acceptedBefore, rejectedBefore, acceptedAfter, rejectedAfter }) =>
          `${node}: honoured the copy ${acceptedBefore} of ${acceptedBefore + rejectedBefore} times before the logout, ` +
          `and ${acceptedAfter} of ${acceptedAfter + rejectedAfter} times after it`,
      ),
      ...(errors > 0 ? [`${errors} requests after the logout failed.`] : []),
    ]
    if (copied === '')
      return { did, saw, verdict: 'NOT JUDGED', concluded: 'The login sets no cookie that could be copied.' }
    return { did, saw, ...judge(all, nodes, app.minPerCell) }
  },
}

function judge(
  counts: readonly LogoutCount[],
  nodes: readonly string[],
  minimum: number,
): Pick<Finding, 'verdict' | 'concluded'> {
  const honoured = counts.filter(({ acceptedAfter }) => acceptedAfter > 0).map(({ node }) => node)
  if (honoured.length > 0)
    return { verdict: 'FAIL', concluded: `After the logout, the copied cookie still worked on ${honoured.join(', ')}.` }
  const unproven = unprovedLogout(counts, minimum, nodes)
  if (unproven.length > 0) return { verdict: 'NOT JUDGED', concluded: `${unproven.join('; ')}.` }
  if (nodes.length === 0)
    return {
      verdict: 'NOT JUDGED',
      concluded: 'The copy was always rejected, but responses name no node, so it is unknown which nodes responded.',
    }
  if (nodes.length === 1)
    return { verdict: 'NOT JUDGED', concluded: `No second node was seen: only ${nodes[0]}, which rejected the copy.` }
  return { verdict: 'PASS', concluded: `All ${nodes.length} nodes rejected the copy after the logout.` }
}
