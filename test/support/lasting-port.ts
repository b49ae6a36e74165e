import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the range for outgoing connections, from 32768 on Linux. A connection may use any port of that range, even as its own
 * destination.
 */
const [LOWEST, HIGHEST] = [20_000, 31_999]
/** More than a test file needs. Files that run at the same time have neighbouring pids, so each has a block of its own. */
const BLOCK = 120

let next = LOWEST + ((process.pid * BLOCK) % (HIGHEST + 1 - LOWEST))

/** A free port that stays free while no process listens on it. No two calls of a process return the same one. */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = next
    next = port < HIGHEST ? port + 1 : LOWEST
    const server = createServer().listen(port, '127.0.0.1')
    // `once` rejects when the server emits an error.
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    server.close()
    if (isFree) return port
  }
}
