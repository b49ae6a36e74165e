import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Logger } from '../logger.ts'
import { freePort } from './free-port.ts'

export interface ProvidedRedis {
  url: string
  /** Stops the Redis if it was started here. */
  stop(): Promise<void>
}

const SERVERS = ['redis-server', 'valkey-server']

/**
 * The Redis for a run without Docker: the one that REDIS_URL names, else one that answers at the default address, else
 * one of our own on a free port, with nothing kept on disk. Where none is installed the default address is given
 * back, and whoever connects to it says what is missing.
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
  const folder = await mkdtemp(join(tmpdir(), 'own-redis-'))
  const options = { '--port': `${port}`, '--bind': '127.0.0.1', '--dir': folder, '--save': '', '--appendonly': 'no' }
  const child = spawn(command, Object.entries(options).flat(), {
    // A process group of its own: Ctrl-C in the terminal must not end Redis before the nodes that still need it.
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  process.once('exit', () => child.kill('SIGKILL'))

  // The lines are read, not the stream: leaving a loop over the stream would close it under a Redis that still writes.
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes('Ready to accept connections')) break
  }
  child.stdout.resume()
  const url = `redis://127.0.0.1:${port}`
  log.info({ redis: url }, `Started a ${command} of our own; its data goes when this process ends`)
  return {
    url,
    async stop() {
      child.kill('SIGTERM')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
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
