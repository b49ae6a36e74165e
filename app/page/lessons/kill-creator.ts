import type { Seen } from '../page-events.ts'
import { honour, type Lesson } from './lesson.ts'
import { createHonours, createMovements, eventOf, rejectedBy } from './seen.ts'

type Choice = 'honoured' | 'loggedOut' | 'fails'

export const killCreator: Lesson<Choice> = {
  id: 'kill-creator',
  title: 'Kill the creator',
  question: '{creator} created your session. Now {creator} dies, and its memory is lost. What happens to your session?',
  choices: {
    honoured: 'The other nodes honour it.',
    loggedOut: 'I am logged out.',
    fails: 'My requests fail until {creator} is back.',
  },
  expected: 'honoured',
  steps: [
    {
      text: 'Kill {creator}. Without Docker, `make ps` shows its process: `kill -9` ends it.',
      command: 'docker kill sessions-{creator}',
    },
  ],
  why: '{creator} had no session to lose. The heartbeat of {creator} stops, and after five seconds the other nodes report that it has left.',
  after: { text: 'Start {creator} again.', command: 'docker start sessions-{creator}' },

  watch(start, attempt) {
    const { createdOn } = start
    const honours = createHonours(start)
    const movementOf = createMovements(start)
    let isDead = false
    /** The page may learn that the session is gone before it learns that the node is: its event stream broke. */
    let lastRejectedBy: string | undefined

    async function die(what: string): Promise<void> {
      isDead = true
      honours.clear()
      attempt.report(what, 'Waiting for a node to serve your session.')
      await attempt.sendToEachNode()
      judge(true)
    }

    function judge(isLast: boolean): void {
      const names = honours.names()
      if (names.length > 0 && (isLast || honours.isComplete()))
        attempt.conclude('honoured', `${createdOn} is gone. ${honour(names)} the session that it created.`)
      else if (isLast && lastRejectedBy !== undefined) conclude(lastRejectedBy)
      else if (isLast) attempt.conclude('fails', 'No node served your session.')
    }

    const conclude = (rejecting: string) => attempt.conclude('loggedOut', `${rejecting} rejected your session.`)

    function onMove(seen: Seen): void {
      const event = eventOf(seen)
      const movement = movementOf(event)
      const node = event?.node
      if (movement === 'died' && node === createdOn && !isDead)
        void die(event?.type === 'node_up' ? `${node} died, and was started again.` : `${node} died.`)
      else if (isDead || movement === undefined || movement === 'started') return
      else if (node !== createdOn)
        attempt.remark(`${node} ${movement === 'died' ? 'died' : 'stopped'}, but ${createdOn} created your session.`)
      else if (movement === 'stopped')
        attempt.remark(`${node} was stopped, not killed: it finished its requests. Start it again, then kill it.`)
    }

    return (seen) => {
      onMove(seen)
      const rejecting = rejectedBy(seen, start)
      lastRejectedBy = rejecting ?? lastRejectedBy
      if (isDead && rejecting !== undefined) conclude(rejecting)
      else if (isDead && honours.add(seen)) judge(false)
    }
  },
}
