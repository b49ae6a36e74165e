import type { Server, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../logger.ts'

/**
 * How long a node goes on serving after it has said that it goes. Every answer in this time closes its connection, so
 * the balancer's idle ones run out before the node stops listening and none of them is cut with a request on it.
 */
const FAREWELL_MS = 1_000

export interface Drain {
  isDraining(): boolean
  /** Resolves when the last request is answered, or cut off because it took longer than the grace. */
  drain(): Promise<void>
}

/** Lets a server end without an error for anyone: first it says so, then it stops listening, then it waits. */
export function createDrain({
  server,
  log,
  graceSeconds,
}: {
  server: Server
  log: Logger
  graceSeconds: number
}): Drain {
  let draining = false

  server.prependListener('request', (_req, res: ServerResponse) => {
    if (draining) res.setHeader('Connection', 'close')
  })

  return {
    isDraining: () => draining,

    async drain() {
      draining = true
      log.info('Draining: not ready any more, finishing the requests under way')
      await sleep(FAREWELL_MS)
      const overdue = setTimeout(
        () => {
          log.warn('Requests still under way are cut off')
          server.closeAllConnections()
        },
        graceSeconds * 1000 - FAREWELL_MS,
      )
      await new Promise<void>((resolve) => server.close(() => resolve()))
      clearTimeout(overdue)
    },
  }
}
