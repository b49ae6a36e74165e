import type { RequestListener, Server } from 'node:http'
import type { Config } from '../config.ts'
import type { EventStreams } from '../events/event-streams.ts'
import type { Logger } from '../logger.ts'
import type { Cluster } from '../membership/heartbeat.ts'
import type { RedisConnection } from '../redis/connection.ts'
import type { Drain } from './drain.ts'
import { listen, portOf } from './listen.ts'
import { tellParent } from './parent.ts'
import { stopOnSignal } from './stop-on-signal.ts'

/** A node that is connected to Redis and does not listen yet. */
export interface Node {
  name: string
  log: Logger
  app: RequestListener
  drain: Drain['drain']
  cluster: Pick<Cluster, 'announceDrain' | 'leave'>
  streams: Pick<EventStreams, 'end'>
  redis: Pick<RedisConnection, 'close'>
}

/**
 * Makes a node listen, and stops it on a signal.
 * @throws {ConfigError} when the address or the port cannot be used
 */
export async function runNode(node: Node, { host, port, sessionStore }: Config): Promise<void> {
  const { name, log, app } = node
  const server = await listen(app, { host, port, node: name, log })
  stopOnSignal({ log, stop: () => stopNode(node, server) })
  log.info({ host, port: portOf(server), sessions: sessionStore }, 'Listening')
  tellParent({ listening: portOf(server) })
}

async function stopNode({ drain, cluster, streams, redis }: Node, server: Server): Promise<void> {
  tellParent({ draining: true })
  const drained = drain(server)
  await cluster.announceDrain()
  streams.end()
  await drained
  await cluster.leave()
  await redis.close()
}
