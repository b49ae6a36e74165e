import type { Logger } from '../logger.ts'
import { hasParent } from './parent.ts'

/** The terminal sends a signal to the whole process group, and npm forwards it, so the same signal arrives twice. */
const ECHO_MS = 500

/**
 * Calls `stop` on the first SIGTERM, SIGINT or SIGHUP (the terminal was closed), and then exits with status 0. After a second
 * signal, the process exits at once with status 1. A process with a parent ignores SIGINT and SIGHUP, and stops when its
 * parent has exited.
 */
export function stopOnSignal({ log, stop }: { log: Logger; stop: () => Promise<void> }): void {
  let stoppingSince: number | undefined

  async function stopAndExit(reason: string): Promise<void> {
    log.info({ reason }, 'Stopping')
    try {
      await stop()
      log.info('Stopped')
      process.exit(0)
    } catch (error) {
      log.error({ reason: String(error) }, 'Failed to stop cleanly')
      process.exit(1)
    }
  }

  function onSignal(signal: string): void {
    if (stoppingSince === undefined) {
      stoppingSince = performance.now()
      void stopAndExit(signal)
    } else if (signal === 'SIGTERM' || performance.now() - stoppingSince > ECHO_MS) {
      log.warn({ signal }, 'Second signal: exiting at once')
      process.exit(1)
    }
  }

  const isChild = hasParent()
  process.on('SIGTERM', onSignal)
  // The terminal sends these to every process of its foreground group. Only the parent must act on them.
  for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, isChild ? () => {} : onSignal)
  if (isChild) process.once('disconnect', () => onSignal('parent exited'))
}
