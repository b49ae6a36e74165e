import { type Config, readConfig } from 'app/config'
import { listen, portOf } from 'app/lifecycle/listen'
import { createLogger, type Logger } from 'app/logger'
import { buildNode, type NodeOptions } from 'app/node'
import { connectRedis } from 'app/redis/connect'
import type { RedisOptions } from 'app/redis/create-client'
import type { ThrottleOptions } from 'app/users/login-throttle'
import { type Account, hashPassword } from 'app/users/users'

export const quiet: Logger = createLogger({ level: 'silent', node: 'test' })

export interface TestNode {
  name: string
  url: string
  stop(): Promise<void>
}

const defaults = readConfig({})

export const standardOptions = defaults.session

/** Limits so high that no test is throttled. */
export const PATIENT: ThrottleOptions = {
  maxFailures: 100_000,
  maxFailuresPerAddress: 100_000,
  windowSeconds: 900,
  maxLoginsPerMinute: 100_000,
  maxLoginsPerMinuteAndAddress: 100_000,
}

/** What a connection needs to find the Redis of a test. */
export type RedisAddress = Partial<Pick<Config['redis'], 'url' | 'sentinels' | 'cluster' | 'replicas'>>

/** The same, for a program. */
export function environmentOf({ url = '', sentinels, cluster, replicas = 0 }: RedisAddress): Record<string, string> {
  const list = (addresses: readonly { host: string; port: number }[]) =>
    addresses.map(({ host, port }) => `${host}:${port}`).join(',')
  const counted = { SESSION_REPLICAS: `${replicas}` }
  if (sentinels) return { ...counted, REDIS_SENTINELS: list(sentinels.addresses), REDIS_PRIMARY: sentinels.primary }
  return cluster ? { ...counted, REDIS_CLUSTER: list(cluster) } : { ...counted, REDIS_URL: url }
}

interface Given extends Pick<NodeOptions, 'streamLimits' | 'historyLimits' | 'buildApp'> {
  name: string
  accounts: readonly Account[]
  session?: Partial<Config['session']>
  throttle?: Partial<ThrottleOptions>
  trustProxyHops?: number
  /** The cache of SESSION_CACHE=on. Default: no cache. */
  cacheEntries?: number
  /** The deadline of a Redis call. Default: 2,000 ms, so that a busy machine causes no 503. A test that pauses Redis sets less. */
  deadlineMs?: number
}

/** A connection like that of a node. */
export const connectTo = (address: RedisAddress, more: Partial<RedisOptions> = {}) =>
  connectRedis({ url: '', deadlineMs: 500, ...address, ...more }, quiet)

/** One node in this process, on its own port. */
export async function startTestNode(
  redis: string | RedisAddress,
  { name, session, throttle, trustProxyHops = 0, cacheEntries = 0, deadlineMs = 2_000, ...others }: Given,
): Promise<TestNode> {
  const config: Config = {
    ...defaults,
    trustProxyHops,
    redis: { ...defaults.redis, ...(typeof redis === 'string' ? { url: redis } : redis), deadlineMs, cacheEntries },
    session: { ...defaults.session, ...session },
    throttle: { ...PATIENT, ...throttle },
    hashesAtOnce: 2,
  }
  const { app, cluster, redis: connection } = await buildNode(config, { ...others, name, log: quiet })
  const server = await listen(app, { host: '127.0.0.1', port: 0, node: name, log: quiet })
  return {
    name,
    url: `http://127.0.0.1:${portOf(server)}`,
    async stop() {
      server.closeAllConnections()
      server.close()
      await cluster.leave()
      await connection.close()
    },
  }
}

/** An account that no other test uses, and its password. */
export async function newAccount(username: string): Promise<{ account: Account; password: string }> {
  const password = `secret of ${username}`
  return {
    password,
    account: { username, displayName: username.toUpperCase(), passwordHash: await hashPassword(password) },
  }
}
