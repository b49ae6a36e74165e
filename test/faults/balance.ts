import { metric, type Stack } from './stack.ts'

/** Values that must not grow over time, whatever faults happen. */
export interface Holdings {
  nodeMemoryMb: number
  redisMemoryMb: number
  redisConnections: number
  clientConnections: number
  keys: number
}

/** The tolerated increase: memory that a process allocates once and keeps. */
const TOLERATED: Record<keyof Holdings, { what: string; more: number }> = {
  nodeMemoryMb: { what: 'memory of a node, in MB', more: 32 },
  redisMemoryMb: { what: 'memory of Redis, in MB', more: 4 },
  redisConnections: { what: 'connections to Redis', more: 0 },
  clientConnections: { what: 'connections of clients to nginx', more: 0 },
  keys: { what: 'keys in Redis', more: 0 },
}

/** A line of /proc/net/tcp: established (01), at one of the ports that are published, 8080 and 8443. */
const CLIENT_SOCKET = /^ *\d+: [0-9A-F]{8}:(?:1F90|20FB) \S+ 01 /

export async function takeStock(stack: Stack): Promise<Holdings> {
  const nodes = await stack.nodes()
  const metrics = await Promise.all(nodes.map((node) => stack.probe(node, '/metrics')))
  const memory = metrics.map(({ text }) => metric(text, 'process_resident_memory_bytes') / 1e6)
  const info = await stack.redis('--raw', 'INFO')
  const value = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1])
  const sockets = (await stack.exec('nginx-1', 'cat', '/proc/net/tcp')).split('\n')
  return {
    nodeMemoryMb: Math.round(Math.max(...memory)),
    redisMemoryMb: Math.round(value('used_memory') / 1e6),
    // Without the connection of this query.
    redisConnections: value('connected_clients') - 1,
    clientConnections: sockets.filter((line) => CLIENT_SOCKET.test(line)).length,
    keys: Number(await stack.redis('--raw', 'DBSIZE')),
  }
}

export function compare(before: Holdings, after: Holdings) {
  return (Object.keys(TOLERATED) as (keyof Holdings)[]).map((name) => {
    const { what, more } = TOLERATED[name]
    return { what, before: before[name], after: after[name], isLevel: after[name] <= before[name] + more }
  })
}
