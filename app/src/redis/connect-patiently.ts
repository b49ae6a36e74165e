import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../logger.ts'
import { connectRedis } from './connect.ts'
import type { RedisConnection } from './connection.ts'
import type { RedisOptions } from './create-client.ts'
import { RedisUnavailable } from './errors.ts'

const PAUSE_MS = 500

/**
 * Connects to Redis (connect.ts). For `waitMs`, also tries again after a permanent failure. Kubernetes starts a node beside its
 * Redis, and its network lets a new pod connect some seconds later. A node that exits meanwhile is restarted more and more slowly.
 * @throws {RedisUnavailable} the reason of the last attempt
 */
export async function connectPatiently(options: RedisOptions, waitMs: number, log: Logger): Promise<RedisConnection> {
  const endsAt = performance.now() + waitMs
  let said = ''
  for (;;) {
    try {
      return await connectRedis(options, log)
    } catch (error) {
      if (!(error instanceof RedisUnavailable) || performance.now() + PAUSE_MS >= endsAt) throw error
      if (error.message !== said) log.warn(`${error.message}. Trying again for up to ${waitMs / 1000} seconds`)
      said = error.message
      await sleep(PAUSE_MS)
    }
  }
}
