import type { FeedEvent } from '../answers.ts'
import type { Seen } from '../page-events.ts'
import { byName } from '../tally.ts'
import type { Start } from './lesson.ts'

export const eventOf = (seen: Seen): FeedEvent | undefined => (seen.kind === 'server' ? seen.event : undefined)

/**
 * The node that has rejected a session which nobody has ended. A session that was logged out, revoked or replaced has a reason,
 * and so has one that expired.
 */
export function rejectedBy(seen: Seen, { isLoggedIn }: Start): string | undefined {
  if (seen.kind !== 'answer' || !seen.hasSession || seen.method !== 'GET' || !isLoggedIn()) return undefined
  const { status, servedBy, body } = seen.answer
  return status === 401 && body.reason === undefined ? servedBy : undefined
}

/** Collects the nodes that honour the session of the attempt, from now on. */
export function createHonours({ sessionId, nodes }: Pick<Start, 'sessionId' | 'nodes'>) {
  const honouring = new Set<string>()
  return {
    /** Returns whether this is a verdict of a node about the session. */
    add(seen: Seen): boolean {
      if (seen.kind !== 'verdict' || !seen.isHonoured || seen.session.id !== sessionId) return false
      honouring.add(seen.node)
      return true
    },
    clear: () => honouring.clear(),
    names: () => [...honouring].sort(byName),
    /** Whether every node that runs is one of them. */
    isComplete: () => nodes().length > 0 && nodes().every((node) => honouring.has(node)),
  }
}

/** How nodes come and go, by name. */
export type Movement = 'draining' | 'stopped' | 'died' | 'started' | undefined

/** Returns a function that tells a node that stops properly from one that dies. A node that starts while it runs has died. */
export function createMovements({ nodes }: Pick<Start, 'nodes'>): (event: FeedEvent | undefined) => Movement {
  const draining = new Set<string>()
  const running = new Set(nodes())
  return (event) => {
    if (!event) return undefined
    const { type, node } = event
    if (type === 'node_draining') {
      draining.add(node)
      return 'draining'
    }
    if (type === 'node_gone') {
      running.delete(node)
      return draining.has(node) ? 'stopped' : 'died'
    }
    if (type !== 'node_up') return undefined
    const hasDied = running.has(node) && !draining.has(node)
    draining.delete(node)
    running.add(node)
    return hasDied ? 'died' : 'started'
  }
}
