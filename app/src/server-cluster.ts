import cluster from 'node:cluster'
import { readConfig } from './config.ts'
import { endOnFailure } from './lifecycle/end-on-failure.ts'
import { stopOnSignal } from './lifecycle/stop-on-signal.ts'
import { provideRedis } from './local/own-redis.ts'
import { superviseNodes } from './local/supervisor.ts'
import { createLogger } from './logger.ts'

/** A primary and its workers on one port. Each worker is a node. node:cluster distributes connections round-robin. */
async function startPrimary(): Promise<void> {
  const config = readConfig(process.env)
  const log = createLogger({ level: config.logLevel, node: 'primary' })
  const redis = await provideRedis({ url: config.redis.url, isConfigured: config.redisIsConfigured }, log)
  const workers = await superviseNodes({
    names: config.nodeNames,
    fork: (name) => cluster.fork({ ...redis.environment, NODE_NAME: name }).process,
    log,
  })
  stopOnSignal({
    log,
    async stop() {
      await workers.stop()
      await redis.stop()
    },
  })
  log.info({ host: config.host, port: config.port, nodes: config.nodeNames }, 'Cluster is ready')
}

if (cluster.isPrimary) await endOnFailure(startPrimary)
else await import('./server.ts')
