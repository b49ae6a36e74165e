import { type Lesson, list } from './lesson.ts'
import { createHonours } from './seen.ts'

type Choice = 'all' | 'creator' | 'sticky'
const LOG_IN = `curl -s{insecure}c jar -H 'Content-Type: application/json' -d '{"username":"ada","password":"analytical-engine"}' {url}/auth/login`

export const anyNode: Lesson<Choice> = {
  id: 'any-node',
  title: 'Any node',
  question: '{creator} created your session. The balancer sends your next requests to other nodes too. What happens?',
  choices: {
    all: 'Every node honours my session.',
    creator: 'Only {creator} honours it. The others answer 401.',
    sticky: 'All my requests reach {creator}.',
  },
  expected: 'all',
  steps: [
    { text: 'Send a request to each node.', button: { text: 'Send to each node', press: 'sendToEachNode' } },
    {
      text: 'Without the page, log in and send three requests. `servedBy` names the node.',
      command: `${LOG_IN}\nfor i in 1 2 3; do curl -s{insecure}b jar {url}/api/user; echo; done`,
    },
  ],
  why: 'The session is in Redis, and no node has a copy. A node reads it for each request, so it does not matter which node created it.',

  watch(start, { report, conclude }) {
    const honours = createHonours(start)
    let sent = 0

    return (seen) => {
      if (seen.kind !== 'verdict') return
      sent++
      const isHonoured = honours.add(seen)
      const [nodes, names] = [start.nodes(), honours.names()]
      const missing = nodes.filter((node) => !names.includes(node))
      const onlyCreator = names.join() === start.createdOn
      if (!isHonoured) conclude(onlyCreator ? 'creator' : undefined, `${seen.node} rejected your session.`)
      else if (missing.length === 0) conclude('all', `${list(names)} honoured your session.`)
      else if (onlyCreator && sent >= 3 * nodes.length)
        conclude('sticky', `${sent} requests in a row reached ${start.createdOn}.`)
      else report(`${seen.node} honoured your session.`, `Waiting for an answer of ${list(missing)}.`)
    }
  },
}
