import type { Account } from '../account.ts'
import type { Connection } from '../connection.ts'
import { wait } from '../dom.ts'
import type { Experiment } from '../experiment.ts'
import { demoPassword } from '../login-form.ts'
import type { Nodes } from '../nodes.ts'
import { createNotice } from '../notice.ts'
import { createRound } from '../shared/round.ts'
import type { Visit } from '../visit.ts'
import type { Page } from './open-lesson.ts'

interface Parts {
  visit: Visit
  nodes: Nodes
  connection: Connection
  experiment: Experiment
  whoAmI: Account['whoAmI']
  logIn: Account['logIn']
}

/** Slow enough to watch. */
const PAUSE_MS = 260

/** What lessons read and do on this page. */
export function createPageOfLessons({ visit, nodes, connection, experiment, whoAmI, logIn }: Parts): Page {
  const beside = createNotice('lesson-note')

  /** Also without a session: a lesson looks at the nodes that reject an ended one. */
  async function sendToEachNode(): Promise<void> {
    const round = createRound({ nodes: nodes.names, times: 1 })
    while (round.goesOn()) {
      const { servedBy } = await whoAmI()
      round.add(servedBy)
      await wait(PAUSE_MS)
    }
  }

  async function logInAsAda(): Promise<boolean> {
    return logIn({ username: 'ada', password: demoPassword('ada') ?? '' }, beside)
  }

  async function startExperiment(): Promise<void> {
    if (!experiment.isOn() && !(await experiment.flip(beside))) return
    if (await logInAsAda()) await sendToEachNode()
  }

  return {
    start: () => ({
      sessionId: visit.session?.id ?? '',
      createdOn: visit.session?.createdOn ?? '',
      nodes: nodes.names,
      isLoggedIn: () => visit.session !== undefined && visit.change === undefined,
      isExperiment: experiment.isOn,
    }),
    names: () => ({
      creator: visit.session?.createdOn ?? 'app-1',
      stream: connection.node(),
      user: visit.user?.username ?? 'ada',
      url: location.origin,
      hint: visit.session?.keyHint ?? 'session:',
      cookie: location.protocol === 'https:' ? '__Host-sid' : 'sid',
      insecure: location.protocol === 'https:' ? 'k' : '',
    }),
    sendToEachNode,
    async sendSlowly() {
      await whoAmI()
      await wait(PAUSE_MS)
    },
    async onPress(press) {
      beside.clear()
      if (press === 'sendToEachNode') await sendToEachNode()
      else if (press === 'send') await whoAmI()
      else await startExperiment()
    },
    async onNeed(need) {
      beside.clear()
      if (need === 'session') await logInAsAda()
      else await experiment.flip(beside)
    },
  }
}
