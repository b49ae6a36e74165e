import type { Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RequestHandler } from 'express'
import { Problem } from '../http/problem.ts'
import type { Logger } from '../logger.ts'
import { withDeadline } from '../redis/deadline.ts'

/** How long a node still serves after its message to the parent process, for requests that the parent has already sent. */
const FAREWELL_MS = 1_000
/**
 * How long a node waits for a request that it can answer with 502. It is longer than nginx's fail_timeout (2 s): nginx may
 * already skip this node for another reason, and would try it again after it has stopped.
 */
const NOTICE_MS = 3_000
/** How long a node then waits for requests that nginx sent at the same moment. */
const SETTLE_MS = 100

interface Parts {
  log: Logger
  graceSeconds: number
  /**
   * Whether the balancer learns only from answers that this node is stopping. Then the node answers a GET with 502: nginx
   * retries it on another node (proxy_next_upstream), and skips this node for fail_timeout.
   */
  isBehindNginx: boolean
}

// Written out: in a checkout whose packages are links, tsc cannot name the inferred type.
export interface Drain {
  isDraining(): boolean
  /** Comes before the routes that are drained. */
  middleware: RequestHandler
  /** Resolves when the last request is answered, or is aborted after the grace. */
  drain(server: Server): Promise<void>
}

/**
 * Stops a node without an error for any client: the node finishes its requests, makes the balancer use other nodes, and then
 * stops listening.
 *
 * nginx sends requests to an address until Docker's DNS has dropped it and nginx has resolved it again, up to one second
 * later. If the list of servers changes while nginx is connecting, the request fails. So the node stops right after a 502, while
 * nginx skips it.
 */
export function createDrain({ log, graceSeconds, isBehindNginx }: Parts): Drain {
  let isDraining = false
  let openRequests = 0
  let onIdle = () => {}
  let onRetried = () => {}

  const middleware: RequestHandler = (req, res, next) => {
    // So the balancer keeps no idle connection to this node.
    if (isDraining) res.set('Connection', 'close')
    if (isDraining && isBehindNginx && (req.method === 'GET' || req.method === 'HEAD')) {
      res.once('close', () => onRetried())
      throw new Problem(502, 'This node is draining', 'Another node can serve the request.')
    }
    openRequests++
    res.once('close', () => {
      if (--openRequests === 0) onIdle()
    })
    next()
  }

  async function drain(server: Server): Promise<void> {
    isDraining = true
    log.info('Draining: finishing open requests')
    const farewellMs = isBehindNginx ? NOTICE_MS : FAREWELL_MS
    const endsAt = performance.now() + graceSeconds * 1000
    const leftMs = () => Math.max(0, endsAt - performance.now())
    const retried = () => new Promise<void>((resolve) => (onRetried = resolve))
    const idle = new Promise<void>((resolve) => (onIdle = resolve))
    if (openRequests === 0) onIdle()
    await exceeds(idle, graceSeconds * 1000 - farewellMs)
    await exceeds(retried(), farewellMs)
    const isBusy = openRequests > 0
    // A request that takes longer has the whole grace, also if the balancer has noticed at once.
    const isLate = await exceeds(idle, leftMs())
    // By then, nginx may try this node again.
    if (isBusy) await exceeds(retried(), Math.min(farewellMs, leftMs()))
    await sleep(SETTLE_MS)
    if (isLate) log.warn('Drain timed out: aborting open requests')
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    // For requests that arrived meanwhile. `close` has closed the idle connections.
    await exceeds(closed, isLate ? 0 : FAREWELL_MS)
    server.closeAllConnections()
    await closed
  }

  return { isDraining: () => isDraining, middleware, drain }
}

/** Waits for `work`, but not longer than `ms`. Returns whether `work` takes longer. */
const exceeds = (work: Promise<void>, ms: number): Promise<boolean> =>
  withDeadline(work, ms).then(
    () => false,
    () => true,
  )
