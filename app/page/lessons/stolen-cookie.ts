import type { Lesson } from './lesson.ts'
import { eventOf } from './seen.ts'

type Choice = 'both' | 'thief' | 'nobody'

export const stolenCookie: Lesson<Choice> = {
  id: 'stolen-cookie',
  title: 'A stolen cookie',
  question:
    'A thief has copied your cookie. A node then replaces your token. Later the thief uses the copy. Who is logged out?',
  choices: { both: 'The thief and I.', thief: 'Only the thief.', nobody: 'Nobody: both tokens work.' },
  expected: 'both',
  endsSession: true,
  steps: [
    {
      text: 'Nodes replace a token after 15 minutes. Shorten that to 10 seconds.',
      command: 'SESSION_ROTATE=10 SESSION_ROTATE_GRACE=2 make up',
    },
    { text: 'A request with an old token gets a new one.', button: { text: 'Send a request', press: 'send' } },
    {
      text: 'After two seconds, be the thief: send the token that this page had at first.',
      command: `curl -s{insecure}b "{cookie}=$(deploy/redis-cli --scan --pattern '{hint}*' | sed 's/.*://')" {url}/api/user`,
    },
  ],
  why: 'A node cannot know which of the two is the thief. One of them has a copy, so the session ends, and the user logs in again. OAuth treats refresh tokens so, too.',
  after: { text: 'Replace tokens every 15 minutes again.', command: 'make up' },

  watch({ sessionId }, { report, conclude }) {
    let isRotated = false

    return (seen) => {
      const event = eventOf(seen)
      if (event?.sessionId !== sessionId) return
      if (event.type === 'rotated' && !isRotated) {
        isRotated = true
        report(`${event.node} replaced your token. The copy is now an old token.`, 'Waiting for the thief.')
      }
      if (event.type === 'token_reused')
        conclude('both', `The old token reached ${event.node}. It rejected the thief, and ended your session.`)
    }
  },
}
