/** The work was not done in time. It may still happen: nothing can take back a command that has been sent. */
export class DeadlineMissed extends Error {
  override readonly name = 'DeadlineMissed'
}

/**
 * Waits for `work`, but no longer than `deadlineMs`.
 *
 * node-redis has a command timeout of its own, but it ends once the command is written to the socket: a Redis that is
 * paused, or gone without closing the connection, would hold a request for ever.
 * @throws {DeadlineMissed}
 */
export function withDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    // After a moment in which this process did nothing, its timers come before what has arrived meanwhile. So what has
    // arrived has its turn first: it was not Redis that was late.
    const giveUp = () => reject(new DeadlineMissed(`no answer within ${deadlineMs} ms`))
    const timer = setTimeout(() => setImmediate(giveUp), deadlineMs)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
