import type { Ask } from './ask.ts'
import type { PageEvents } from './page-events.ts'

interface Parts {
  ask: Ask
  pageEvents: PageEvents
  /** Nobody is logged in, and the nodes can answer. */
  isWanted: () => boolean
}

/** Slow enough to follow one request with the eyes. */
const PAUSE_MS = 1_800
/** A page that is left open sends no more, until it is shown again. */
const MOST = 30

/**
 * Before the login the page sends a request from time to time, so a first visit shows how the balancer passes requests on. It
 * asks for the list of nodes, which needs no session. It ends with the login, after `MOST` requests, and while the page is hidden.
 */
export function startAnonymousRound({ ask, pageEvents, isWanted }: Parts): void {
  let left = MOST
  let isWaiting = false

  async function send(): Promise<void> {
    isWaiting = false
    if (left === 0 || document.hidden || !isWanted()) return
    left--
    await ask('GET', '/api/cluster')
    wait()
  }

  function wait(): void {
    if (isWaiting) return
    isWaiting = true
    setTimeout(send, PAUSE_MS)
  }

  // A new connection continues the round. It does not begin a new one, because connections can be lost again and again.
  pageEvents.subscribe(({ kind }) => {
    if (kind === 'session') left = MOST
    if (kind === 'connected') wait()
  })
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) left = MOST
  })
}
