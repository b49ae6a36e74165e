import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface TcpSwitch {
  port: number
  /** Leads new connections to another port. Those that are open stay where they are. */
  turnTo(port: number): void
  stop(): Promise<void>
}

/** One address in front of several servers, as a name has that a failover points to another one. */
export async function startTcpSwitch(firstTarget: number): Promise<TcpSwitch> {
  let target = firstTarget
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      one.on('error', () => {})
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    turnTo(port) {
      target = port
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
