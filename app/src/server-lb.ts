import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { readConfig } from './config.ts'
import { createBalancerAnswers } from './http/bare-answers.ts'
import { EVENTS_PATH } from './http/paths.ts'
import { endOnFailure } from './lifecycle/end-on-failure.ts'
import { listen, portOf } from './lifecycle/listen.ts'
import { stopOnSignal } from './lifecycle/stop-on-signal.ts'
import { BALANCER, createBalancer } from './local/balancer.ts'
import { provideRedis } from './local/own-redis.ts'
import { superviseNodes } from './local/supervisor.ts'
import { createLogger } from './logger.ts'

const NODE_PROGRAM = fileURLToPath(import.meta.url).replace(/server-lb(?=\.[jt]s$)/, 'server')

/** The Compose stack without Docker: nodes behind a balancer. Each node is a process with its own port. */
async function startBalancedNodes(): Promise<void> {
  const config = readConfig(process.env)
  const log = createLogger({ level: config.logLevel, node: BALANCER })
  const redis = await provideRedis({ url: config.redis.url, isConfigured: config.redisIsConfigured }, log)
  const own = { PORT: '0', LISTEN_HOST: '127.0.0.1', TRUST_PROXY_HOPS: '1', ...redis.environment }
  const nodes = await superviseNodes({
    names: config.nodeNames,
    fork: (name) => fork(NODE_PROGRAM, { env: { ...process.env, ...own, NODE_NAME: name } }),
    log,
  })
  const answers = createBalancerAnswers(BALANCER, config)
  const balancer = createBalancer({ nodes: nodes.nodes, streamPath: EVENTS_PATH, answers, log })
  const server = await listen(balancer, { ...config, node: BALANCER, log })
  stopOnSignal({
    log,
    async stop() {
      // Clients have no other balancer, so this one finishes the open requests. The nodes end the event streams.
      const closed = once(server, 'close')
      server.close()
      const grace = setTimeout(() => server.closeAllConnections(), config.drainSeconds * 1000)
      await nodes.stop()
      await closed
      clearTimeout(grace)
      await redis.stop()
    },
  })
  log.info({ url: `http://localhost:${portOf(server)}`, nodes: config.nodeNames }, 'Balancer is ready')
}

await endOnFailure(startBalancedNodes)
