import type { FeedEvent } from './answers.ts'

/** State of the node that this page is connected to. */
export interface FeedState {
  node: string
  /** Time of the Redis server, in milliseconds since 1970. */
  now: number
  /** The node is disconnected from Redis, and receives no events of other nodes. */
  isBehind: boolean
}

export interface Hello extends FeedState {
  /** The session of this connection. */
  sessionId: string | null
  /** The server no longer has all events since the last one that the page received. */
  isIncomplete: boolean
}

interface Listener {
  onHello(hello: Hello): void
  onEvent(event: FeedEvent): void
  /** With every ping. */
  onState(state: FeedState): void
  /** The node lost events while this page was connected. */
  onGap(): void
  /** Disconnected, and about to reconnect. `isRefused`: the server answered with an error. */
  onLost(isRefused: boolean): void
}

export interface Feed {
  close(): void
  /** Connects again. The server then sends what was missed. */
  reopen(): void
}

/** The server sends hello at once, and a ping every 15 s. */
const HELLO_MS = 5_000
const SILENCE_MS = 35_000
const LONGEST_BACKOFF_MS = 5_000

/**
 * Connects to the stream of events. A browser reconnects an EventSource by itself with Last-Event-ID, but gives up after an
 * error answer. Then this opens a new one, with the last id in the URL.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#processing-model
 */
export function openFeed(path: string, listener: Listener): Feed {
  let source: EventSource | undefined
  let lastEventId = ''
  let failures = 0
  let silence: number | undefined
  let next: number | undefined

  function connect(): void {
    const opened = new EventSource(lastEventId === '' ? path : `${path}?after=${lastEventId}`)
    source = opened
    const on = (type: string, onData: (json: string) => void) =>
      opened.addEventListener(type, ({ data, lastEventId: id }) => {
        expectWithin(SILENCE_MS)
        if (id !== '') lastEventId = id
        onData(data)
      })
    on('hello', (json) => {
      failures = 0
      listener.onHello(JSON.parse(json))
    })
    on('ping', (json) => listener.onState(JSON.parse(json)))
    on('gap', () => listener.onGap())
    on('message', (json) => listener.onEvent({ ...JSON.parse(json), id: lastEventId }))
    opened.addEventListener('error', () => {
      const isRefused = opened.readyState === EventSource.CLOSED
      listener.onLost(isRefused)
      if (isRefused) connectLater()
    })
    expectWithin(HELLO_MS)
  }

  function connectLater(): void {
    source?.close()
    clearTimeout(next)
    next = setTimeout(connect, Math.min(LONGEST_BACKOFF_MS, 250 * 2 ** failures++) * (0.5 + Math.random() / 2))
  }

  /** Reconnects after `ms` of silence. */
  function expectWithin(ms: number): void {
    clearTimeout(silence)
    silence = setTimeout(() => {
      listener.onLost(false)
      connectLater()
    }, ms)
  }

  function close(): void {
    clearTimeout(silence)
    clearTimeout(next)
    source?.close()
  }

  function reopen(): void {
    close()
    connect()
  }

  connect()
  return { close, reopen }
}
