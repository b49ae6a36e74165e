import { create, element, nodeName } from './dom.ts'
import type { MapNode } from './nodes.ts'
import type { Outcome } from './travel.ts'

export interface BoxView {
  nodes: readonly MapNode[]
  /** The node that created the session. */
  origin: string | undefined
  /** The nodes that reject the session. */
  rejectedBy: readonly string[]
  /** Each node keeps sessions in its own memory. */
  isExperiment: boolean
}

export interface NodeBoxes {
  show(view: BoxView): void
  /** The box of each node, by its name. */
  boxes: ReadonlyMap<string, HTMLElement>
  /** Counts an answer of the node, and marks its box. */
  mark(box: HTMLElement, node: string, outcome: Outcome): void
  resetCounters(): void
}

/** A node that comes back keeps its count, but not if nodes have new names all the time. */
const MOST_COUNTED = 50

/** One box on the map for each node. */
export function createNodeBoxes(): NodeBoxes {
  const list = element('nodes')
  const served = new Map<string, number>()
  const boxes = new Map<string, HTMLElement>()
  const servedText = (name: string) => `${served.get(name) ?? 0} served`

  /** Changes the box that exists: replacing it would cut a transition short. */
  function render(node: MapNode, place: number, { origin, rejectedBy, isExperiment }: BoxView): void {
    const box = boxes.get(node.name) ?? create('li', 'node')
    box.dataset.node = node.name
    boxes.set(node.name, box)
    const isOrigin = node.name === origin
    const isRejecting = rejectedBy.includes(node.name)
    box.classList.toggle('origin', isOrigin)
    box.classList.toggle('rejecting', isRejecting)
    for (const state of ['suspect', 'draining', 'gone']) box.classList.toggle(state, node.state === state)
    box.replaceChildren(
      create('strong', '', nodeName(node.name), ...(node.state === 'gone' ? [create('em', '', 'gone')] : [])),
      create('span', 'served', servedText(node.name)),
      create('small', '', isRejecting ? 'rejects your session' : stateText(node, isOrigin, isExperiment)),
    )
    if (list.children[place] !== box) list.insertBefore(box, list.children[place] ?? null)
  }

  return {
    boxes,
    show(view) {
      const names = new Set(view.nodes.map(({ name }) => name))
      for (const [name, box] of boxes) {
        if (names.has(name)) continue
        box.remove()
        boxes.delete(name)
        if (served.size > MOST_COUNTED) served.delete(name)
      }
      for (const [place, node] of view.nodes.entries()) render(node, place, view)
    },
    mark(box, node, outcome) {
      served.set(node, (served.get(node) ?? 0) + 1)
      box.querySelector('.served')?.replaceChildren(servedText(node))
      for (const other of boxes.values()) other.classList.remove('answered', 'plain', 'rejected', 'failed')
      box.classList.add('answered')
      if (outcome !== 'ok') box.classList.add(outcome)
    },
    resetCounters: () => served.clear(),
  }
}

function stateText({ state }: MapNode, isOrigin: boolean, isExperiment: boolean): string {
  if (state === 'suspect') return 'heartbeat is late'
  if (state === 'draining') return 'stopping'
  if (isExperiment) return isOrigin ? 'stores your session' : 'no session'
  return isOrigin ? 'created your session' : ''
}
