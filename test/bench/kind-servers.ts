import { lastingPort } from '../support/lasting-port.ts'
import { startRedisCluster } from '../support/redis-cluster.ts'
import { startRedisWithSentinels } from '../support/redis-sentinels.ts'
import type { RedisKind } from '../support/redis-server.ts'
import { startServer, type TestServer } from '../support/redis-single.ts'
import type { RedisAddress } from '../support/test-node.ts'
import { until } from '../support/until.ts'

/** A Redis of one kind, as processes of this machine. */
export interface Measured {
  address: RedisAddress
  /** All servers that have data, also the replicas. */
  servers: readonly TestServer[]
  primaries: number
  stop(): Promise<void>
}

/** As `make up` starts it: alone, a primary with two replicas, or three primaries with a replica each. */
export async function startKind(kind: RedisKind): Promise<Measured> {
  if (kind === 'cluster') return { ...(await startRedisCluster({ replicas: 1 })), primaries: 3 }
  // No failover, also on a busy machine.
  if (kind === 'sentinel') return { ...(await startRedisWithSentinels({ downAfterMs: 60_000 })), primaries: 1 }
  const server = await startServer()
  return { address: { url: server.url }, servers: [server], primaries: 1, stop: server.stop }
}

const SLOTS = 16_384
const CLUSTER = ['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf', '--cluster-node-timeout', '60000']

/** A cluster of so many primaries, without replicas. redis-cli creates none with fewer than three. */
export async function startPrimaries(count: number): Promise<Measured> {
  const start = async () => {
    const busPort = await lastingPort()
    return { ...(await startServer([...CLUSTER, '--cluster-port', `${busPort}`])), busPort }
  }
  const servers = await Promise.all(Array.from({ length: count }, start))
  const [first] = servers
  for (const [place, { inspector, port, busPort }] of servers.entries()) {
    const from = Math.floor((SLOTS * place) / count)
    const to = Math.floor((SLOTS * (place + 1)) / count) - 1
    await inspector.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${to}`])
    if (place > 0) await first?.inspector.sendCommand(['CLUSTER', 'MEET', '127.0.0.1', `${port}`, `${busPort}`])
  }
  const isReady = async ({ inspector }: TestServer) => {
    const state = await inspector.clusterInfo()
    return /^cluster_state:ok\r?$/m.test(state) && new RegExp(`^cluster_known_nodes:${count}\r?$`, 'm').test(state)
  }
  await until('every primary knows the others', async () => (await Promise.all(servers.map(isReady))).every(Boolean))
  return {
    primaries: count,
    address: { cluster: servers.map(({ port }) => ({ host: '127.0.0.1', port })) },
    servers,
    async stop() {
      await Promise.all(servers.map((server) => server.stop()))
    },
  }
}
