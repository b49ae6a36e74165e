import type { TestServer } from './redis-single.ts'
import { until } from './until.ts'

/** Which server of a cluster has which slot, and how slots move. `first`: the server that tells the slots of keys. */
export function createClusterSlots(servers: readonly TestServer[], first: TestServer) {
  async function primaries(): Promise<TestServer[]> {
    const roles = await Promise.all(servers.map(({ inspector }) => inspector.role()))
    return servers.filter((_server, place) => roles[place]?.role === 'master')
  }

  async function ownerOf(key: string): Promise<TestServer> {
    const slot = await first.inspector.clusterKeySlot(key)
    const ranges = await (
      await until('a server answers', () => servers.find((one) => one.isRunning()))
    ).inspector.clusterSlots()
    const { master } = ranges.find(({ from, to }) => from <= slot && slot <= to) ?? {}
    const owner = servers.find(({ port }) => port === master?.port)
    if (!owner) throw new Error(`no server has the slot ${slot}`)
    return owner
  }

  const idOf = ({ inspector }: TestServer) => inspector.clusterMyId()

  async function beginToMove(key: string, to: TestServer): Promise<void> {
    const from = await ownerOf(key)
    const slot = `${await first.inspector.clusterKeySlot(key)}`
    await to.inspector.sendCommand(['CLUSTER', 'SETSLOT', slot, 'IMPORTING', await idOf(from)])
    await from.inspector.sendCommand(['CLUSTER', 'SETSLOT', slot, 'MIGRATING', await idOf(to)])
    await from.inspector.sendCommand(['MIGRATE', '127.0.0.1', `${to.port}`, key, '0', '5000'])
  }

  async function moveSlotOf(key: string, to: TestServer): Promise<void> {
    const from = await ownerOf(key)
    await beginToMove(key, to)
    const slot = await first.inspector.clusterKeySlot(key)
    for (const other of await from.inspector.clusterGetKeysInSlot(slot, 1_000))
      await from.inspector.sendCommand(['MIGRATE', '127.0.0.1', `${to.port}`, other, '0', '5000'])
    // The new owner first. The others would learn of it later.
    for (const one of [to, ...(await primaries()).filter((other) => other !== to)])
      await one.inspector.sendCommand(['CLUSTER', 'SETSLOT', `${slot}`, 'NODE', await idOf(to)])
  }

  return { primaries, ownerOf, beginToMove, moveSlotOf }
}
