import { readConfig } from '../config.ts'
import { endOnFailure } from '../lifecycle/end-on-failure.ts'
import { createLogger } from '../logger.ts'
import { connectRedis } from '../redis/connect.ts'

/**
 * Prints the address of every primary, `host:port`, one a line: node primaries.js, with the variables of a node. For scripts that
 * look at all keys: of a single Redis, of the one that sentinels name now, or of all primaries of a cluster.
 */
async function printPrimaries(): Promise<void> {
  const config = readConfig(process.env)
  const redis = await connectRedis(config.redis, createLogger({ level: 'silent', node: 'primaries' }))
  const primaries = redis.primaries()
  if (primaries.length === 0) throw new Error((await redis.whyNotReady()) ?? 'Redis has no primary.')
  process.stdout.write(`${primaries.join('\n')}\n`)
  await redis.close()
}

await endOnFailure(printPrimaries)
