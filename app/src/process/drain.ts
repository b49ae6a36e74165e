import type { Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RequestHandler } from 'express'
import type { Logger } from '../logger.ts'
import { Problem } from '../middleware/problem.ts'

/** How long a node that has told its parent process serves on, for what was sent before the parent knew. */
const FAREWELL_MS = 1_000
/**
 * How long a node waits for a request to turn away. Longer than nginx's fail_timeout (2 s): it may just be leaving this
 * node out for another reason, and would come back to it when it is gone. Without any request, nobody is there to notice.
 */
const NOTICE_MS = 3_000
/** And once it is noticed, how long for what was sent in the same instant to arrive and be answered. */
const SETTLE_MS = 100

export interface Drain {
  isDraining(): boolean
  /** Goes before the routes that are to be drained. */
  middleware: RequestHandler
  /** Resolves when the last request is answered, or cut off because it took longer than the grace. */
  drain(server: Server): Promise<void>
}

interface Parts {
  log: Logger
  graceSeconds: number
  /**
   * Whether the balancer learns from answers alone that this node goes. Then a GET is answered with 502, which nginx
   * passes on to another node (proxy_next_upstream) and takes as a reason to leave this one out for fail_timeout.
   */
  turnAway: boolean
}

/**
 * Lets a node end without an error for anyone: it finishes what is under way, makes the balancer look elsewhere, and only
 * then stops listening.
 *
 * nginx goes on asking an address until Docker's DNS has dropped it and the next look-up, up to a second later, has
 * told. A request that is trying to connect there at that very moment fails: nginx gives up on a request whose list of
 * servers changed under it. So the node goes right after it has turned a request away, while nginx leaves it out.
 */
export function createDrain({ log, graceSeconds, turnAway }: Parts): Drain {
  let draining = false
  let underWay = 0
  let onIdle = () => {}
  let onTurnedAway = () => {}

  const middleware: RequestHandler = (req, res, next) => {
    // Every answer from now on closes its connection, so that the balancer's idle ones run out.
    if (draining) res.set('Connection', 'close')
    if (draining && turnAway && (req.method === 'GET' || req.method === 'HEAD')) {
      res.once('close', () => onTurnedAway())
      throw new Problem(502, 'This node is draining', 'Another one takes the request.')
    }
    underWay++
    res.once('close', () => {
      if (--underWay === 0) onIdle()
    })
    next()
  }

  async function drain(server: Server): Promise<void> {
    draining = true
    log.info('Draining: not ready any more, finishing the requests under way')
    const farewellMs = turnAway ? NOTICE_MS : FAREWELL_MS
    const isLate = await lateAfter(graceSeconds * 1000 - farewellMs, async () => {
      if (underWay > 0) await new Promise<void>((resolve) => (onIdle = resolve))
    })
    await lateAfter(farewellMs, () => new Promise<void>((resolve) => (onTurnedAway = resolve)))
    await sleep(SETTLE_MS)
    if (isLate) log.warn('Requests still under way are cut off')
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    // What has come in meanwhile gets a last moment. Idle connections are closed already.
    await lateAfter(isLate ? 0 : FAREWELL_MS, () => closed)
    server.closeAllConnections()
    await closed
  }

  return { isDraining: () => draining, middleware, drain }
}

/** Waits for `work`, but not longer than `ms`; tells whether that was too short. */
async function lateAfter(ms: number, work: () => Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), ms)
  })
  const isLate = await Promise.race([work().then(() => false), late])
  clearTimeout(timer)
  return isLate
}
