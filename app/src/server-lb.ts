import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { readConfig } from './config.ts'
import { createLogger } from './logger.ts'
import { createServedHosts } from './middleware/served-hosts.ts'
import { BALANCER, createBalancer } from './process/balancer.ts'
import { endOnFailure } from './process/end-on-failure.ts'
import { listen, portOf } from './process/listen.ts'
import { provideRedis } from './process/own-redis.ts'
import { stopOnSignal } from './process/stop-on-signal.ts'
import { superviseNodes } from './process/supervisor.ts'

const NODE_PROGRAM = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? 'server.ts' : 'server.js', import.meta.url),
)

/** The Compose stack without Docker: three nodes, each a process with a port of its own, behind a balancer. */
async function startBalancedNodes(): Promise<void> {
  const config = readConfig(process.env)
  const log = createLogger({ level: config.logLevel, node: BALANCER })
  const redis = await provideRedis({ url: config.redis.url, isConfigured: config.redisIsConfigured }, log)
  const own = { PORT: '0', LISTEN_HOST: '127.0.0.1', TRUST_PROXY_HOPS: '1', REDIS_URL: redis.url }
  const nodes = await superviseNodes({
    names: config.nodeNames,
    fork: (name) => fork(NODE_PROGRAM, { env: { ...process.env, ...own, NODE_NAME: name } }),
    log,
  })
  const server = await listen(createBalancer({ nodes: nodes.nodes, isServedHost: createServedHosts(config), log }), {
    ...config,
    node: BALANCER,
    log,
  })
  stopOnSignal({
    log,
    async stop(reason) {
      log.info({ reason }, 'Stopping')
      // Nobody is in front of this balancer who could go elsewhere: it only finishes what is under way. So do the nodes,
      // and they end the streams of events, which would never end by themselves.
      const closed = once(server, 'close')
      server.close()
      const overdue = setTimeout(() => server.closeAllConnections(), config.drainSeconds * 1000)
      await nodes.stop()
      await closed
      clearTimeout(overdue)
      await redis.stop()
      log.info('Stopped')
    },
  })
  log.info({ url: `http://localhost:${portOf(server)}`, nodes: config.nodeNames }, 'Balancer is ready')
}

await endOnFailure(startBalancedNodes)
