import type { Logger } from '../logger.ts'
import { connectCluster } from './cluster/connect-cluster.ts'
import type { RedisConnection } from './connection.ts'
import { databaseOf, type RedisOptions } from './create-client.ts'
import { createKeyNames } from './key-names.ts'
import { placeOfSentinels, placeOfUrl } from './places.ts'
import { connectPrimary } from './primary.ts'
import { watchSentinels } from './watch-sentinels.ts'

/**
 * Connects to Redis and stays connected (keep-connected.ts): to a single one, to the primary that sentinels name, or to all
 * primaries of a cluster.
 * @throws {RedisUnavailable} when the first attempt fails for a permanent reason
 */
export async function connectRedis(options: RedisOptions, log: Logger): Promise<RedisConnection> {
  const { sentinels, cluster, url, keyPrefix: prefix = '' } = options
  if (cluster) return connectCluster({ ...options, cluster }, log)
  if (!sentinels) {
    const primary = await connectPrimary(options, placeOfUrl(options), log)
    return { ...primary, keys: createKeyNames({ prefix, database: databaseOf(url) }), isOrdered: true }
  }
  const found = { ...options, sentinels }
  const primary = await connectPrimary(options, placeOfSentinels(found), log)
  const onChange = (change: string, address?: string) => primary.relocate(new Error(change), address)
  const stopWatch = watchSentinels(found, onChange, log)
  return {
    ...primary,
    keys: createKeyNames({ prefix, database: 0 }),
    isOrdered: true,
    async close() {
      stopWatch()
      await primary.close()
    },
  }
}
