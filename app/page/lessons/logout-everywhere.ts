import { type Lesson, list } from './lesson.ts'
import { eventOf } from './seen.ts'

type Choice = 'everywhere' | 'creator' | 'later'

export const logoutEverywhere: Lesson<Choice> = {
  id: 'logout-everywhere',
  title: 'Logout is everywhere',
  question:
    'An administrator ends your sessions in Redis. This browser keeps its cookie. Which nodes reject the cookie?',
  choices: {
    everywhere: 'All of them, at once.',
    creator: 'Only {creator}, where I logged in.',
    later: 'None of them, until the session expires.',
  },
  expected: 'everywhere',
  endsSession: true,
  steps: [{ text: 'End all sessions of {user}.', command: 'make end-sessions USER={user}' }],
  why: 'A session has one key in Redis. Without it no node can find the session, and no node has to be told. The event only informs your pages.',

  watch({ sessionId, createdOn, nodes }, { report, conclude, sendToEachNode }) {
    const rejecting = new Set<string>()
    const honouring = new Set<string>()
    let isEnded = false

    async function end(what: string): Promise<void> {
      isEnded = true
      report(what, 'Waiting until each node has seen the cookie.')
      await sendToEachNode()
      judge()
    }

    function judge(): void {
      const [no, yes] = [[...rejecting].sort(), [...honouring].sort()]
      if (no.length + yes.length === 0) return
      const what = `${no.length === 0 ? 'No node' : list(no)} rejected your cookie.${yes.length === 0 ? '' : ` ${list(yes)} accepted it.`}`
      if (no.length === 0) conclude('later', what)
      else if (yes.length > 0) conclude(no.join() === createdOn ? 'creator' : undefined, what)
      else if (nodes().every((node) => rejecting.has(node))) conclude('everywhere', what)
    }

    return (seen) => {
      const event = eventOf(seen)
      if (event?.sessionId === sessionId && event.type === 'revoked' && !isEnded) {
        void end(`Your session ${event.how ?? 'was revoked'}.`)
      }
      if (!isEnded || seen.kind !== 'answer' || seen.path !== '/api/user') return
      if (seen.answer.status === 401) rejecting.add(seen.answer.servedBy)
      if (seen.answer.status === 200) honouring.add(seen.answer.servedBy)
    }
  },
}
