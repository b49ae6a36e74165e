import { byName } from '../tally.ts'
import { honour, type Lesson, list } from './lesson.ts'
import { createHonours, createMovements, eventOf, rejectedBy } from './seen.ts'

type Choice = 'nothing' | 'events' | 'session'

export const moreNodes: Lesson<Choice> = {
  id: 'more-nodes',
  title: 'More nodes, then failover',
  question: 'Two more nodes start. Then the node dies that sends the live events to this page. What do you lose?',
  choices: {
    nothing: 'Nothing. Another node continues, without a gap.',
    events: 'The events until the page is connected again.',
    session: 'My session.',
  },
  expected: 'nothing',
  steps: [
    { text: 'Start two more nodes.', command: 'make scale N=5' },
    { text: 'Kill the node that sends the events.', command: 'docker kill sessions-{stream}' },
  ],
  why: 'A new node finds your session in Redis, like any other. All nodes write their events to one log in Redis. The page names the last event it has, and the next node continues there.',
  after: { text: 'Return to three nodes.', command: 'make scale N=3' },

  watch(start, attempt) {
    const honours = createHonours(start)
    const movementOf = createMovements(start)
    const before = start.nodes()
    const joined = new Set<string>()
    const left = new Set<string>()
    let hasGrown = false
    let failover: { from: string; to: string; isIncomplete: boolean } | undefined

    function join(node: string): void {
      joined.add(node)
      if (joined.size < 2) {
        attempt.report(`${node} joined.`, 'Waiting for a second new node.')
        return
      }
      const names = list([...joined].sort(byName))
      attempt.report(`${names} joined.`, `Waiting until ${names} serve your session.`)
      void attempt.sendToEachNode()
    }

    function grow(): void {
      hasGrown = true
      const names = [...joined].sort(byName)
      attempt.report(`${honour(names)} your session, which is older than they are.`, 'Waiting for the failover.')
    }

    function judge(): void {
      if (!failover || !left.has(failover.from)) return
      const { from, to, isIncomplete } = failover
      const what = `${from} is gone. ${to} continues your live events, ${isIncomplete ? 'and some are missing' : 'without a gap'}.`
      attempt.conclude(isIncomplete ? 'events' : 'nothing', what)
    }

    return (seen) => {
      const event = eventOf(seen)
      const movement = movementOf(event)
      const rejecting = joined.size > 0 ? rejectedBy(seen, start) : undefined
      if (rejecting !== undefined) return attempt.conclude('session', `${rejecting} rejected your session.`)
      if (event && movement === 'started' && !before.includes(event.node) && !joined.has(event.node)) join(event.node)
      if (
        honours.add(seen) &&
        !hasGrown &&
        joined.size > 1 &&
        [...joined].every((node) => honours.names().includes(node))
      )
        grow()
      if (!hasGrown) return
      if (event && /^node_(gone|draining)$/.test(event.type)) left.add(event.node)
      if (seen.kind === 'connected' && seen.previous !== undefined)
        failover = { from: seen.previous, to: seen.node, isIncomplete: seen.isIncomplete }
      judge()
    }
  },
}
