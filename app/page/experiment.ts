import type { ListedNode } from './answers.ts'
import { type Ask, explain } from './ask.ts'
import { onClick } from './dom.ts'
import type { Notice } from './notice.ts'

export interface Experiment {
  isOn(): boolean
  /** Prefix of every path: empty, or that of the nodes that keep sessions in their own memory. */
  base(): string
  /** Turns the switch. Resolves to false if that failed, and `note` says why. */
  flip(note: Notice): Promise<boolean>
}

interface Parts {
  ask: Ask
  /** Beside the switch. */
  beside: Notice
  onSwitched: (nodes: readonly ListedNode[]) => void
  /** The switch is off again, because the control nodes do not answer. */
  onFailed: () => void
}

/** The switch between the nodes that share their sessions and the control nodes, which do not. */
export function createExperiment({ ask, beside, onSwitched, onFailed }: Parts): Experiment {
  let isOn = false

  async function flip(note: Notice): Promise<boolean> {
    isOn = !isOn
    const answer = await ask('GET', '/api/cluster')
    if (answer.status === 200) {
      note.clear()
      onSwitched(answer.body.nodes ?? [])
      return true
    }
    isOn = !isOn
    onFailed()
    const isMissing = answer.status === 404
    note.show(isMissing ? 'The experiment needs the Compose stack. Run: make up && make control' : explain(answer))
    return false
  }

  onClick('experiment', async () => void (await flip(beside)))
  return { isOn: () => isOn, base: () => (isOn ? '/control' : ''), flip }
}
