import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface TcpSwitch {
  port: number
  /** Sends new connections to another port. Open ones keep their server. */
  turnTo(port: number): void
  /** Withholds all data of the servers until `deliver`, so the servers seem silent. */
  withhold(): void
  deliver(): void
  stop(): Promise<void>
}

/** One address in front of several servers, like a name that a failover points to another server. */
export async function startTcpSwitch(firstTarget: number): Promise<TcpSwitch> {
  let target = firstTarget
  const sockets = new Set<Socket>()
  /** From each server to its client. */
  const answers = new Map<Socket, Socket>()
  let isWithheld = false
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    answers.set(far, near)
    near.pipe(far)
    if (!isWithheld) far.pipe(near)
    far.once('close', () => answers.delete(far))
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
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
    withhold() {
      isWithheld = true
      for (const [far, near] of answers) far.unpipe(near)
    },
    deliver() {
      isWithheld = false
      for (const [far, near] of answers) far.pipe(near)
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
