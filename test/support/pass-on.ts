import { once } from 'node:events'
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import { pipeline } from 'node:stream'

/** Listens, and passes all bytes of each connection on to another one, in both directions. */
export async function passOn(at: ListenOptions, openNext: () => Socket): Promise<Server> {
  const server = createServer((socket) => {
    const next = openNext()
    // If one side breaks, the other one does. No bytes are left to report an error about.
    pipeline(socket, next, () => {})
    pipeline(next, socket, () => {})
  })
  server.listen(at)
  await once(server, 'listening')
  return server
}
