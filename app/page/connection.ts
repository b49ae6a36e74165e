import { element, withNames } from './dom.ts'
import type { FeedState } from './feed.ts'

export interface Connection {
  /** Shows the node that this page is connected to. */
  show(state: FeedState): void
  /** Whether that node is disconnected from Redis. */
  setBehind(isBehind: boolean): void
  showLost(): void
  node(): string
  /** Time of the Redis server, in milliseconds since 1970. */
  now(): number
}

/** The connection to the stream of events: its state above the list, and the time that the node sends. */
export function createConnection(): Connection {
  let node = ''
  /** Time of the Redis server minus that of the browser. */
  let aheadMs = 0

  function setState(name: 'live' | 'behind' | 'lost', text: string): void {
    element('feed-state').className = `feed-state ${name}`
    element('feed-state').replaceChildren(...withNames(text))
  }

  function setBehind(isBehind: boolean): void {
    if (isBehind) setState('behind', `${node} is disconnected from Redis`)
    else setState('live', `Connected to ${node}`)
  }

  return {
    show(state) {
      node = state.node
      aheadMs = state.now - Date.now()
      setBehind(state.isBehind)
    },
    setBehind,
    showLost: () => setState('lost', 'Not connected. Reconnecting…'),
    node: () => node,
    now: () => Date.now() + aheadMs,
  }
}
