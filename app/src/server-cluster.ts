import cluster from 'node:cluster'
import { readConfig } from './config.ts'
import { createLogger } from './logger.ts'
import { endOnFailure } from './process/end-on-failure.ts'
import { provideRedis } from './process/own-redis.ts'
import { stopOnSignal } from './process/stop-on-signal.ts'
import { superviseNodes } from './process/supervisor.ts'

/** A primary and its workers on one port. Each worker is a node: node:cluster hands it connections in turn. */
async function startPrimary(): Promise<void> {
  const config = readConfig(process.env)
  const log = createLogger({ level: config.logLevel, node: 'primary' })
  const redis = await provideRedis({ url: config.redis.url, isConfigured: config.redisIsConfigured }, log)
  const workers = await superviseNodes({
    names: config.nodeNames,
    fork: (name) => cluster.fork({ NODE_NAME: name, REDIS_URL: redis.url }).process,
    log,
  })
  stopOnSignal({
    log,
    async stop(reason) {
      log.info({ reason }, 'Stopping')
      await workers.stop()
      await redis.stop()
      log.info('Stopped')
    },
  })
  log.info({ host: config.host, port: config.port, nodes: config.nodeNames }, 'Cluster is ready')
}

if (cluster.isPrimary) await endOnFailure(startPrimary)
else await import('./server.ts')
