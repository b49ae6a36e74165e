import type { Body, FeedEvent } from './answers.ts'
import type { MapNode } from './map.ts'

export interface Nodes {
  all(): readonly MapNode[]
  /** Names of the nodes that take requests, also of those with a late heartbeat. */
  names(): string[]
  /** The node has answered, so it is there. */
  heardOf(name: string): void
  /** What the server lists. Who was there and is not listed has gone. */
  replace(listed: NonNullable<Body['nodes']>): void
  /** What the feed tells of a node. */
  follow(event: FeedEvent): void
  clear(): void
}

/** How long a node that is gone is still shown, so that one sees it go. */
const FAREWELL_MS = 8_000

const STATES: Record<string, MapNode['state']> = {
  ...{ node_up: 'up', node_heard: 'up', node_draining: 'draining', node_gone: 'gone', node_suspect: 'suspect' },
}

/** The nodes as this page knows them. */
export function createNodes({ onChange }: { onChange: () => void }): Nodes {
  let nodes: MapNode[] = []

  function put(name: string, state: MapNode['state']): void {
    const others = nodes.filter((node) => node.name !== name)
    const isUnknown = others.length === nodes.length
    if (isUnknown && state !== 'up' && state !== 'suspect') return
    nodes = [...others, { name, state }].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
    if (state === 'gone') setTimeout(() => forget(name), FAREWELL_MS)
    onChange()
  }

  function forget(name: string): void {
    nodes = nodes.filter((node) => node.name !== name || node.state !== 'gone')
    onChange()
  }

  return {
    all: () => nodes,
    names: () => nodes.filter(({ state }) => state === 'up' || state === 'suspect').map(({ name }) => name),
    heardOf(name) {
      if (!nodes.some((node) => node.name === name)) put(name, 'up')
    },
    replace(listed) {
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
