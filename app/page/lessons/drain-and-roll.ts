import type { Answer } from '../answers.ts'
import { type Lesson, list } from './lesson.ts'
import { createMovements, eventOf, rejectedBy } from './seen.ts'

type Choice = 'none' | 'some' | 'loggedOut'

export const drainAndRoll: Lesson<Choice> = {
  id: 'drain-and-roll',
  title: 'Drain and roll',
  question: 'All nodes restart one after the other, while this page sends requests. How many of them fail?',
  choices: {
    none: 'None.',
    some: 'Some: those that reach a node while it stops.',
    loggedOut: 'None, but I must log in again.',
  },
  expected: 'none',
  steps: [
    {
      text: 'Restart the nodes. When the first one drains, this page starts to send requests.',
      command: 'make restart',
    },
  ],
  why: 'A stopping node finishes its requests and accepts no more: it drains. The balancer sends the others to the nodes that run, with the same sessions.',

  watch(start, attempt) {
    const movementOf = createMovements(start)
    const all = start.nodes()
    const restarted = new Set<string>()
    const stopping = new Set<string>()
    const sent = { requests: 0, failed: 0 }
    const waiting = () => `Waiting for ${list(all.filter((node) => !restarted.has(node)))} to restart.`

    function count({ status }: Answer): void {
      sent.requests++
      if (status === 0 || status >= 500) sent.failed++
    }

    function finish(): void {
      const what = `${list(all)} have restarted. Of ${sent.requests} requests, ${sent.failed === 0 ? 'none' : sent.failed} failed.`
      attempt.conclude(sent.failed === 0 ? 'none' : 'some', what)
    }

    /** A restart in which this page sent nothing shows nothing: a hidden page is not connected, and learns of it afterwards. */
    function startOver(): void {
      restarted.clear()
      stopping.clear()
      attempt.report('All nodes have restarted, but this page has sent no request meanwhile.', 'Restart them again.')
    }

    return (seen) => {
      const event = eventOf(seen)
      const movement = movementOf(event)
      const node = event?.node ?? ''
      if (stopping.size > 0 && seen.kind === 'answer' && seen.path === '/api/user') count(seen.answer)
      const rejecting = stopping.size > 0 ? rejectedBy(seen, start) : undefined
      if (rejecting !== undefined) attempt.conclude('loggedOut', `${rejecting} rejected your session.`)
      if (movement === 'draining' && all.includes(node)) {
        attempt.keepSending()
        stopping.add(node)
        attempt.report(`${node} drains.`, waiting())
      } else if (movement === 'started' && stopping.has(node)) {
        restarted.add(node)
        if (restarted.size < all.length) attempt.report(`${node} has restarted.`, waiting())
        else if (sent.requests > 0) finish()
        else startOver()
      } else if (movement === 'died') attempt.remark(`${node} died. It did not drain.`)
    }
  },
}
