import type { FeedEvent } from './answers.ts'

export interface Hello {
  node: string
  /** Redis's time, in milliseconds since 1970. */
  now: number
  user: string | null
  /** Something happened since the last event seen that the server no longer has. */
  isIncomplete: boolean
}

interface Listener {
  onHello(hello: Hello): void
  onEvent(event: FeedEvent): void
  onTime(now: number): void
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

/** The server pings every 15 s. */
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
      heard()
      listener.onHello(JSON.parse(data))
    })
    opened.addEventListener('ping', ({ data }) => {
      heard()
      listener.onTime(JSON.parse(data).now)
    })
    opened.addEventListener('gap', () => listener.onGap())
    opened.addEventListener('message', (message) => {
      heard()
      if (message.lastEventId !== '') lastEventId = message.lastEventId
      listener.onEvent(JSON.parse(message.data))
    })
    opened.addEventListener('error', () => {
      const isRefused = opened.readyState === EventSource.CLOSED
      listener.onLost(isRefused)
      if (isRefused) connectLater()
    })
    heard()
  }

  function connectLater(): void {
    source?.close()
    clearTimeout(next)
    next = setTimeout(connect, Math.min(LONGEST_BACKOFF_MS, 250 * 2 ** failures++) * (0.5 + Math.random() / 2))
  }

  function heard(): void {
    clearTimeout(silence)
    silence = setTimeout(() => {
      listener.onLost(false)
      connectLater()
    }, SILENCE_MS)
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
