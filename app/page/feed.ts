import type { FeedEvent } from './answers.ts'

/** How the node is that this page is connected to. */
export interface FeedState {
  node: string
  /** Redis's time, in milliseconds since 1970. */
  now: number
  /** It has no Redis just now, and does not hear what happens on the others. */
  isBehind: boolean
}

export interface Hello extends FeedState {
  /** The session that this page is listening with. */
  sessionId: string | null
  /** Something happened since the last event seen that the server no longer has. */
  isIncomplete: boolean
}

interface Listener {
  onHello(hello: Hello): void
  onEvent(event: FeedEvent): void
  /** Told now and then. */
  onState(state: FeedState): void
  /** Events were lost on the server's side of this connection. */
  onGap(): void
  /** Not connected; it comes back by itself. `isRefused`: there was an answer, and it was no stream. */
  onLost(isRefused: boolean): void
}

export interface Feed {
  close(): void
  /** Until resumed. What happens meanwhile is told then. */
  pause(): void
  resume(): void
}

/** The server says hello at once, and pings every 15 s. */
const HELLO_MS = 5_000
const SILENCE_MS = 35_000
const LONGEST_BACKOFF_MS = 5_000

/**
 * Listens to what happens. A browser reconnects an EventSource by itself and says where it was (Last-Event-ID), but gives up
 * for good when the answer is an error: then a new one is made, which says the same by its address.
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
    opened.addEventListener('hello', ({ data }) => {
      failures = 0
      expectWithin(SILENCE_MS)
      listener.onHello(JSON.parse(data))
    })
    opened.addEventListener('ping', ({ data, lastEventId: id }) => {
      expectWithin(SILENCE_MS)
      if (id !== '') lastEventId = id
      listener.onState(JSON.parse(data))
    })
    opened.addEventListener('gap', () => listener.onGap())
    opened.addEventListener('message', (message) => {
      expectWithin(SILENCE_MS)
      if (message.lastEventId !== '') lastEventId = message.lastEventId
      listener.onEvent(JSON.parse(message.data))
    })
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

  /** A connection on which nothing comes for so long is none. */
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

  connect()
  return {
    close,
    pause: close,
    resume() {
      close()
      connect()
    },
  }
}
