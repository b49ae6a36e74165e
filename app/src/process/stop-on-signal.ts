import type { Logger } from '../logger.ts'

/** The terminal sends a signal to the whole process group and npm passes it on: the same one arrives twice. */
const ECHO_MS = 500

/**
 * Calls `stop` on the first SIGTERM, SIGINT or SIGHUP (the terminal was closed) and ends the process with 0 when it is
 * done. A second signal ends the process at once with 1. A process that has a parent leaves SIGINT and SIGHUP to it, and
 * stops when the parent is gone.
 */
export function stopOnSignal({ log, stop }: { log: Logger; stop: (reason: string) => Promise<void> }): void {
  let stoppingSince: number | undefined

  function onSignal(signal: string): void {
    if (stoppingSince === undefined) {
      stoppingSince = performance.now()
      stop(signal).then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ reason: String(error) }, 'Did not stop cleanly')
          process.exit(1)
        },
      )
    } else if (signal === 'SIGTERM' || performance.now() - stoppingSince > ECHO_MS) {
      log.warn({ signal }, 'Second signal: stopped at once')
      process.exit(1)
    }
  }

  const hasParent = process.send !== undefined
  process.on('SIGTERM', onSignal)
  // The terminal sends these to every process of its foreground group. Only the parent must act on them.
  for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, hasParent ? () => {} : onSignal)
  if (hasParent) process.once('disconnect', () => onSignal('parent gone'))
}
