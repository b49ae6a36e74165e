import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { Logger } from '../logger.ts'
import { RedisUnavailable } from '../redis/errors.ts'
import { freePort } from './free-port.ts'
import { keepProcess } from './kept-process.ts'

export interface ProvidedRedis {
  url: string
  /** Stops the Redis if it was started here. Also happens by itself when this process ends, however that is. */
  stop(): Promise<void>
}

const SERVERS = ['redis-server', 'valkey-server']
const READY = 'Ready to accept connections'

/**
 * The Redis for a run without Docker: the one that REDIS_URL names, else one that answers at the default address, else
 * one of our own on a free port, with nothing kept on disk, that ends with this process. Where none is installed, returns the
 * default address: the connection to it then reports what is missing.
 */
export async function provideRedis(
  { url, isConfigured }: { url: string; isConfigured: boolean },
  log: Logger,
): Promise<ProvidedRedis> {
  const given = { url, stop: async () => {} }
  if (isConfigured || (await answers(new URL(url)))) return given
  const server = SERVERS.find((name) => spawnSync(name, ['--version']).status === 0)
  return server === undefined ? given : startRedis(server, log)
}

async function startRedis(command: string, log: Logger): Promise<ProvidedRedis> {
  const port = await freePort()
  const options = { '--port': `${port}`, '--bind': '127.0.0.1', '--save': '', '--appendonly': 'no' }
  const { stdout, stop } = keepProcess(command, Object.entries(options).flat(), 'own-redis-')

  let line = ''
  // The lines are read, not the stream: leaving a loop over the stream would close it under a Redis that still writes.
  for await (line of createInterface({ input: stdout })) {
    if (line.includes(READY)) break
  }
  if (!line.includes(READY)) {
    await stop()
    throw new RedisUnavailable(`A ${command} of our own did not start: ${line}`)
  }
  stdout.resume()
  const url = `redis://127.0.0.1:${port}`
  log.info({ redis: url }, `Started a ${command} of our own; its data goes when this process ends`)
  return { url, stop }
}

async function answers({ hostname, port }: URL): Promise<boolean> {
  const socket = connect({ host: hostname, port: Number(port || 6379), timeout: 500 })
  try {
    return await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'timeout').then(() => false)])
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
