import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface SlowLink {
  port: number
  /** From now on, what the server sends arrives this much later. */
  delay(ms: number): void
  stop(): Promise<void>
}

/** A server seen over a long distance: everything arrives, and late. */
export async function startSlowLink(target: number): Promise<SlowLink> {
  const sockets = new Set<Socket>()
  let delayMs = 0
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far)
    // Timers of one duration fire in their order, so no data overtakes other data.
    far.on('data', (chunk) => setTimeout(() => near.writable && near.write(chunk), delayMs))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    delay(ms) {
      delayMs = ms
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
