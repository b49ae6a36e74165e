import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** The program of all tests: redis-server, or the one that REDIS_SERVER names, such as valkey-server. */
export const redisServer = () => process.env.REDIS_SERVER ?? 'redis-server'

export type RedisProcess = ReturnType<typeof createRedisProcess>

/** A redis-server with its data in this folder, which may be started several times. It does not run yet. */
export function createRedisProcess(port: number, folder: string, more: readonly string[] = [], env = {}) {
  const own = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder]
  // Without fsync: a killed process loses nothing that it has written, and no write waits for the disk of other tests.
  const files = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'no']
  const options = [...own, ...files, '--enable-debug-command', 'local', ...more]
  return createServerProcess(options, 'Ready to accept connections', env)
}

/** A sentinel. Its file must be writable. */
export const createSentinelProcess = (file: string) => createServerProcess([file, '--sentinel'], '+monitor master')

/** A server that may be started several times, with a line that shows that it is ready. */
function createServerProcess(args: readonly string[], ready: string, env: Record<string, string> = {}) {
  let server: ChildProcess | undefined
  const isRunning = () => server !== undefined && server.exitCode === null && server.signalCode === null

  return {
    /** Resolves when it is ready. */
    async start(): Promise<void> {
      const child = spawn(redisServer(), args, {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, ...env },
      })
      server = child
      let line = ''
      for await (line of createInterface({ input: child.stdout })) {
        if (line.includes(ready)) break
      }
      if (!line.includes(ready)) throw new Error(`${args.join(' ')} did not start: ${line}`)
      child.stdout.resume()
    },

    /** Resolves when it has exited. */
    async kill(): Promise<void> {
      if (!server || !isRunning()) return
      const ended = once(server, 'exit')
      server.kill('SIGKILL')
      await ended
    },

    isRunning,
    signal: (name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT') => void server?.kill(name),
  }
}
