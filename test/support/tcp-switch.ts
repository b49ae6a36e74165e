import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface TcpSwitch {
  port: number
  /** Sends new connections to another port. Open ones keep their server. */
  turnTo(port: number): void
  /** Breaks all connections. */
  cut(): void
  /** From now on, what the servers send arrives this much later, like over a long distance. */
  delay(ms: number): void
  /** Withholds all data of the servers until `deliver`, so the servers seem silent. */
  withhold(): void
  deliver(): void
  /** Resolves when the client of the next connection has closed it. */
  closed(): Promise<void>
  stop(): Promise<void>
}

/** One address in front of several servers, like a name that a failover points to another server. */
export async function startTcpSwitch(firstTarget: number): Promise<TcpSwitch> {
  let target = firstTarget
  const sockets = new Set<Socket>()
  /** The connections to the servers. */
  const links = new Set<Socket>()
  let isWithheld = false
  let delayMs = 0
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    links.add(far)
    near.pipe(far)
    // One after the other, so no data overtakes other data.
    let sent = Promise.resolve()
    far.on('data', (chunk) => {
      const dueMs = performance.now() + delayMs
      sent = sent.then(async () => {
        if (dueMs > performance.now()) await sleep(dueMs - performance.now())
        if (near.writable) near.write(chunk)
      })
    })
    if (isWithheld) far.pause()
    far.once('close', () => links.delete(far))
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
    cut() {
      for (const socket of sockets) socket.destroy()
    },
    delay(ms) {
      delayMs = ms
    },
    withhold() {
      isWithheld = true
      for (const link of links) link.pause()
    },
    deliver() {
      isWithheld = false
      for (const link of links) link.resume()
    },
    async closed() {
      const [near] = (await once(server, 'connection')) as [Socket]
      await once(near, 'close')
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
