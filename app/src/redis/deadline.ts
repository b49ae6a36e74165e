/** The work was not done in time. It may still happen: a command that was sent cannot be taken back. */
export class DeadlineMissed extends Error {
  override readonly name = 'DeadlineMissed'
}

/**
 * Waits for `work`, but no longer than `deadlineMs`.
 *
 * The command timeout of node-redis ends once the command is written to the socket. So a Redis that is paused, or that
 * disappeared without closing the connection, would hold a request without limit.
 * @throws {DeadlineMissed}
 */
export function withDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    // If this process was blocked, its timers run before it reads what has arrived meanwhile. setImmediate runs after that
    // read, so a reply that was in time counts.
    const giveUp = () => reject(new DeadlineMissed(`no answer within ${deadlineMs} ms`))
    const timer = setTimeout(() => setImmediate(giveUp), deadlineMs)
    const stop = () => clearTimeout(timer)
    work.then(resolve, reject)
    work.then(stop, stop)
  })
}
