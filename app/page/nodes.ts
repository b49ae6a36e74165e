import type { FeedEvent, ListedNode } from './answers.ts'
import { byName } from './tally.ts'

export interface MapNode {
  name: string
  /** `suspect`: its heartbeat is late. */
  state: ListedNode['state'] | 'gone'
  /** By `performance.now()`. Undefined if it left before this page was opened. */
  goneAt?: number
}

export interface Nodes {
  /** All that the page shows. `creator`, the node that created the session, is one of them also when it has left. */
  all(creator: string | undefined): readonly MapNode[]
  /** Names of the nodes that accept requests, including those with a late heartbeat. */
  names(): string[]
  /** Whether the server has sent its list. Until then the page knows only nodes that have answered. */
  isListed(): boolean
  /** The node has answered a request. */
  heardOf(name: string): void
  /** Takes over the list of the server. Nodes that are not in it have left. */
  replace(listed: readonly ListedNode[]): void
  /** Takes over an event of a node. */
  follow(event: FeedEvent): void
  clear(): void
}

/** How long the page still shows a node that has left, if it did not create the session. */
const FAREWELL_MS = 8_000
/** Nodes that have left are remembered, up to so many. */
const MOST_GONE = 20

const STATES: Record<string, MapNode['state']> = {
  ...{ node_up: 'up', node_heard: 'up', node_draining: 'draining', node_gone: 'gone', node_suspect: 'suspect' },
}

/** The nodes that this page knows of. */
export function createNodes({ onChange }: { onChange: () => void }): Nodes {
  let nodes: MapNode[] = []
  let isListed = false

  function put(name: string, state: MapNode['state']): void {
    const before = nodes.find((node) => node.name === name)
    if (!before && state !== 'up' && state !== 'suspect') return
    const next: MapNode = { name, state }
    if (state === 'gone') next.goneAt = before?.goneAt ?? performance.now()
    nodes = [...nodes.filter((node) => node !== before), next].sort((a, b) => byName(a.name, b.name))
    if (state === 'gone') {
      const gone = nodes.filter((node) => node.state === 'gone').sort((a, b) => (b.goneAt ?? 0) - (a.goneAt ?? 0))
      nodes = nodes.filter((node) => !gone.slice(MOST_GONE).includes(node))
      setTimeout(onChange, FAREWELL_MS + 50)
    }
    onChange()
  }

  const isRecent = ({ goneAt = 0 }: MapNode) => performance.now() - goneAt < FAREWELL_MS

  return {
    all(creator) {
      const shown = nodes.filter((node) => node.state !== 'gone' || node.name === creator || isRecent(node))
      if (creator === undefined || nodes.length === 0 || shown.some(({ name }) => name === creator)) return shown
      // It left before this page was opened.
      return [...shown, { name: creator, state: 'gone' as const }].sort((a, b) => byName(a.name, b.name))
    },
    names: () => nodes.filter(({ state }) => state === 'up' || state === 'suspect').map(({ name }) => name),
    isListed: () => isListed,
    heardOf(name) {
      if (!nodes.some((node) => node.name === name && node.state !== 'gone')) put(name, 'up')
    },
    replace(listed) {
      isListed = true
      const gone = nodes.filter(({ name, state }) => state !== 'gone' && !listed.some((node) => node.name === name))
      for (const { name, state } of listed) put(name, state)
      for (const { name } of gone) put(name, 'gone')
    },
    follow({ type, node }) {
      const state = STATES[type]
      if (state) put(node, state)
    },
    clear() {
      nodes = []
      onChange()
    },
  }
}
