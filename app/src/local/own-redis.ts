import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { StartError } from '../environment.ts'
import type { Logger } from '../logger.ts'
import { keepProcess } from './kept-process.ts'

const SERVERS = ['redis-server', 'valkey-server']
const READY = 'Ready to accept connections'

/**
 * Provides the Redis for a run without Docker, unless the settings name one, or one answers at the default address: starts one on
 * a free port, without files. It stops with `stop`, and at the latest with this process. `environment` tells the nodes of it.
 * If none is installed, the connection to the default address reports what is missing.
 * @throws {StartError}
 */
export async function provideRedis({ url, isConfigured }: { url: string; isConfigured: boolean }, log: Logger) {
  const server =
    isConfigured || (await isListening(new URL(url)))
      ? undefined
      : SERVERS.find((name) => spawnSync(name, ['--version']).status === 0)
  return server === undefined ? { environment: {}, stop: async () => {} } : startRedis(server, log)
}

async function startRedis(command: string, log: Logger) {
  const port = await findFreePort()
  const options = { '--port': `${port}`, '--bind': '127.0.0.1', '--save': '', '--appendonly': 'no' }
  const { stdout, stop } = keepProcess(command, Object.entries(options).flat(), 'own-redis-')

  let line = ''
  // Iterates over lines, not over the stream, because to leave a loop over the stream would close it.
  for await (line of createInterface({ input: stdout })) {
    if (line.includes(READY)) break
  }
  if (!line.includes(READY)) {
    await stop()
    throw new StartError(
      `${command} failed to start: ${line}. Start a Redis server yourself, or set REDIS_URL=redis://host:6379`,
    )
  }
  stdout.resume()
  const url = `redis://127.0.0.1:${port}`
  log.info({ redis: url }, `Started a ${command} for this run; its data is lost when this process exits`)
  return { environment: { REDIS_URL: url }, stop }
}

async function isListening({ hostname, port }: URL): Promise<boolean> {
  const socket = connect({ host: hostname, port: Number(port || 6379) })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(500) })
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** A port of the loopback address that is free at this moment. */
async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
