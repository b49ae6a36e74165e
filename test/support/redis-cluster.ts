import { succeed } from './command.ts'
import { lastingPort } from './lasting-port.ts'
import { createInspector, type Inspector } from './redis-calls.ts'
import { createClusterSlots } from './redis-cluster-slots.ts'
import type { TestRedis } from './redis-server.ts'
import { startServer, type TestServer } from './redis-single.ts'
import { until } from './until.ts'

const CLUSTER = [
  ...['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf'],
  // Without it a replica waits for five seconds before it copies the data.
  ...['--repl-diskless-sync-delay', '0'],
]

export interface ClusterOptions {
  /** For each primary. Default: 0. */
  replicas?: 0 | 1
  /** How long a server must be silent until the others replace it. */
  nodeTimeoutMs?: number
}

export interface TestCluster extends TestRedis {
  servers: TestServer[]
  /** The primary that has this key now. */
  ownerOf(key: string): Promise<TestServer>
  /** Starts another server, and adds it without slots. */
  addServer(): Promise<TestServer>
  /** Moves the slot of this key, key by key, as `redis-cli --cluster reshard` does. */
  moveSlotOf(key: string, to: TestServer): Promise<void>
  /** Begins to move the slot of this key, and moves this key only, if it exists. */
  beginToMove(key: string, to: TestServer): Promise<void>
}

/** Three primaries, each with its share of the slots. */
export async function startRedisCluster({
  replicas = 0,
  nodeTimeoutMs = 2_000,
}: ClusterOptions = {}): Promise<TestCluster> {
  const more = [...CLUSTER, '--cluster-node-timeout', `${nodeTimeoutMs}`]
  // The usual port of the bus, 10,000 higher, may be that of an outgoing connection.
  const startOne = async () => startServer([...more, '--cluster-port', `${await lastingPort()}`])
  const first = await startOne()
  const others = await Promise.all(Array.from({ length: 2 + 3 * replicas }, startOne))
  const servers = [first, ...others]
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`)
  const options = ['--cluster-replicas', `${replicas}`, '--cluster-yes']
  await succeed('redis-cli', ['--cluster', 'create', ...addresses, ...options])
  const isReady = async ({ inspector }: TestServer) => /^cluster_state:ok\r?$/m.test(await inspector.clusterInfo())
  const areReady = async () => (await Promise.all(servers.map(isReady))).every(Boolean)
  await until('every server knows the cluster', areReady)

  const { primaries, ownerOf, beginToMove, moveSlotOf } = createClusterSlots(servers, first)

  return {
    ...first,
    servers,
    address: { cluster: servers.slice(0, 3).map(({ port }) => ({ host: '127.0.0.1', port })), replicas },
    inspector: createClusterInspector(ownerOf, primaries),
    ownerOf,
    beginToMove,
    moveSlotOf,
    async addServer() {
      const added = await startOne()
      servers.push(added)
      await succeed('redis-cli', ['--cluster', 'add-node', `127.0.0.1:${added.port}`, `127.0.0.1:${first.port}`])
      await until('the new server knows the cluster', () => isReady(added))
      return added
    },
    async kill() {
      for (const one of servers) await one.kill()
    },
    async start() {
      await Promise.all(servers.map((one) => one.start()))
      await until('the cluster is whole', areReady)
    },
    pause: () => servers.forEach((one) => void one.pause()),
    resume: () => servers.forEach((one) => void one.resume()),
    async calls() {
      const all = await Promise.all(servers.map((one) => one.calls()))
      return sum(all)
    },
    async watch() {
      const watches = await Promise.all(servers.map((one) => one.watch()))
      return {
        soFar: async () => (await Promise.all(watches.map((one) => one.soFar()))).flat(),
        stop: () => watches.forEach((one) => void one.stop()),
      }
    },
    async stop() {
      await Promise.all(servers.map((one) => one.stop()))
    },
  }
}

function sum(all: readonly Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {}
  for (const calls of all) for (const [name, count] of Object.entries(calls)) total[name] = (total[name] ?? 0) + count
  return total
}

/** Commands without a key, which go to all primaries. */
const EVERYWHERE = new Set(['keys', 'configSet', 'flushDb', 'flushAll', 'clientKill', 'sendCommand'])

/** The commands of a client of one server, each sent to the primary that has its key. */
function createClusterInspector(
  ownerOf: TestCluster['ownerOf'],
  primaries: () => Promise<readonly TestServer[]>,
): Inspector {
  const send = ({ inspector }: TestServer, property: string | symbol, words: unknown[]): unknown =>
    Reflect.apply(Reflect.get(inspector, property), inspector, words)

  return new Proxy(createInspector('redis://nowhere'), {
    get(_target, property) {
      return async (...words: unknown[]) => {
        const [key] = words
        if (Array.isArray(key) && property === 'del')
          return Promise.all(key.map(async (one: string) => send(await ownerOf(one), property, [one])))
        if (!EVERYWHERE.has(String(property))) return send(await ownerOf(String(key)), property, words)
        const replies = await Promise.all((await primaries()).map((one) => send(one, property, words)))
        return property === 'keys' ? replies.flat() : replies[0]
      }
    },
  })
}
