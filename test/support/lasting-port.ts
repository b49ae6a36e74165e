import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the range for outgoing connections, from 32768 on Linux. A connection may use any port of that range, even as its own
 * destination.
 */
const [LOWEST, HIGHEST] = [20_000, 31_999]
/** Test files that run at the same time rarely have the same block, so none takes a port that another one will use. */
const BLOCK = 40

let next = LOWEST + ((process.pid * BLOCK) % (HIGHEST + 1 - LOWEST))

/** A free port that stays free while no process listens on it. No two calls return the same one. */
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
