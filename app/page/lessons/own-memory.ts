import { byName } from '../tally.ts'
import { type Lesson, list } from './lesson.ts'

type Choice = 'one' | 'all' | 'none'

export const ownMemory: Lesson<Choice> = {
  id: 'own-memory',
  title: 'What if each kept its own?',
  question: 'Each node keeps its sessions in its own memory. You log in once. How many of three nodes know you?',
  choices: { one: 'One: the node that created my session.', all: 'All three.', none: 'None.' },
  expected: 'one',
  isExperiment: true,
  steps: [
    { text: 'Start three such nodes beside the others.', command: 'make control' },
    {
      text: 'Turn on the switch of the page, log in, and send a request to each node.',
      button: { text: 'Switch and log in', press: 'startExperiment' },
    },
  ],
  why: 'Two of three requests reach a node that has never seen your session. Sticky sessions hide this until a node restarts. The restart deletes all its sessions.',
  after: { text: 'Turn off the switch, and remove these nodes.', command: 'make control OFF=1' },

  watch(start, { report, conclude }) {
    const verdicts = new Map<string, boolean>()

    return (seen) => {
      if (!start.isExperiment()) return
      if (seen.kind === 'switched') report('These nodes keep their own sessions.', 'Waiting for a login.')
      if (seen.kind === 'session') verdicts.clear()
      if (seen.kind === 'session' && seen.session)
        report(`${seen.session.createdOn} created your session.`, 'Waiting for an answer of each node.')
      if (seen.kind !== 'verdict') return
      verdicts.set(seen.node, seen.isHonoured)
      if (!start.nodes().every((node) => verdicts.has(node))) return
      const [honouring, rejecting] = [true, false].map((wanted) =>
        [...verdicts].flatMap(([node, isHonoured]) => (isHonoured === wanted ? [node] : [])).sort(byName),
      )
      const known = honouring?.length ?? 0
      const others = rejecting?.length === 0 ? '' : ` ${list(rejecting ?? [])} rejected it.`
      const what = `${known === 0 ? 'No node' : list(honouring ?? [])} honoured your session.${others}`
      conclude(known === 0 ? 'none' : known === 1 ? 'one' : rejecting?.length === 0 ? 'all' : undefined, what)
    }
  },
}
