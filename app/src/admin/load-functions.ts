import { readConfig } from '../config.ts'
import { endOnFailure } from '../lifecycle/end-on-failure.ts'
import { createLogger } from '../logger.ts'
import { connectRedis } from '../redis/connect.ts'

/**
 * Loads the Redis functions of this version on every primary, as an administrator whose account may: node load-functions.js, with
 * the variables of a node. Prints the address of each primary, one a line. Exits with status 1 and one line if one has no
 * functions. Run it before nodes of a new version start, where their own account may not load functions.
 */
async function loadFunctions(): Promise<void> {
  const config = readConfig(process.env)
  const log = createLogger({ level: 'silent', node: 'load-functions' })
  // Each new connection loads what is missing.
  const redis = await connectRedis({ ...config.redis, replicas: 0 }, log)
  const reason = await redis.whyNotReady()
  if (reason !== undefined) throw new Error(reason)
  process.stdout.write(`${redis.primaries().join('\n')}\n`)
  await redis.close()
}

await endOnFailure(loadFunctions)
