import type { Inspector } from './redis-calls.ts'
import { startRedisCluster } from './redis-cluster.ts'
import { startRedisWithSentinels } from './redis-sentinels.ts'
import { startSingleRedis } from './redis-single.ts'
import type { RedisAddress } from './test-node.ts'

export interface TestRedis {
  /** The address of the single server, or of the one that is the primary at the start. */
  url: string
  /** What `connectRedis` needs to find it. */
  address: RedisAddress
  /** The test's own client, to inspect the data. */
  inspector: Inspector
  pause(): void
  resume(): void
  /** Kills all servers with SIGKILL after everything that they have acknowledged is in their files. */
  kill(): Promise<void>
  /** Restarts them on the same ports with their data on disk. */
  start(): Promise<void>
  /** The number of calls of each command so far, by lower-case name. */
  calls(): Promise<Record<string, number>>
  /** Starts to record every command, as MONITOR prints it. */
  watch(): Promise<{ soFar(): Promise<string[]>; stop(): void }>
  stop(): Promise<void>
}

export type RedisKind = 'single' | 'sentinel' | 'cluster'

let kind: RedisKind = 'single'

/** All later calls of `startTestRedis` in this process start this kind. To be called before the tests of a file are loaded. */
export function useRedisKind(next: RedisKind): void {
  kind = next
}

export const redisKind = () => kind

/** A separate real Redis for the test, on free ports. */
export async function startTestRedis(): Promise<TestRedis> {
  // No failover in these tests, also on a machine that lets a server wait for seconds.
  if (kind === 'cluster') return startRedisCluster({ nodeTimeoutMs: 60_000 })
  return kind === 'single' ? startSingleRedis() : startRedisWithSentinels({ downAfterMs: 60_000 })
}
