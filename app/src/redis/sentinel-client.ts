import type { Address } from '../redis-servers.ts'
import { createNodeRedisClient, type RedisOptions, type Sentinels, urlOf } from './create-client.ts'

export type SentinelOptions = RedisOptions & { sentinels: Sentinels }

/** Between two attempts to connect to a sentinel. */
const PAUSE_MS = 1_000

/** A client of one sentinel. It is not connected yet. `isLasting`: it connects again whenever the connection is lost. */
export function createSentinelClient(address: Address, options: SentinelOptions, isLasting: boolean) {
  const { sentinels, tls = false, ca, deadlineMs } = options
  const client = createNodeRedisClient({
    url: urlOf(address, options),
    ...(sentinels.username === undefined ? {} : { username: sentinels.username }),
    ...(sentinels.password === undefined ? {} : { password: sentinels.password }),
    disableOfflineQueue: !isLasting,
    commandOptions: { timeout: 0 },
    socket: {
      connectTimeout: 2 * deadlineMs,
      reconnectStrategy: isLasting ? () => PAUSE_MS : false,
      ...(tls && ca !== undefined ? { tls: true, ca } : {}),
    },
  })
  // Without a listener an 'error' event ends the process. The caller gets the same error.
  client.on('error', () => {})
  return client
}
