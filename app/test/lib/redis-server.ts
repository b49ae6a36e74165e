import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createClient } from 'redis'
import { endWithTest } from './end-with-test.ts'
import { lastingPort } from './lasting-port.ts'
import { until } from './until.ts'

export interface TestRedis {
  url: string
  /** A client of the test's own, to look at what is really there. */
  inspector: ReturnType<typeof createInspector>
  pause(): void
  resume(): void
  /** With SIGKILL, once all that it has acknowledged is in its file. */
  kill(): Promise<void>
  /** Starts it again, on the same port and with the data that it had on disk. */
  start(): Promise<void>
  /** How often each command has been called so far, by its lower-case name. */
  calls(): Promise<Record<string, number>>
  /** Begins to note every command that Redis gets, as MONITOR prints it. */
  watch(): Promise<{ soFar(): Promise<string[]>; stop(): void }>
  stop(): Promise<void>
}

/** A real Redis of the test's own, on a free port. */
export async function startTestRedis(): Promise<TestRedis> {
  const port = await lastingPort()
  const folder = await mkdtemp(join(tmpdir(), 'test-redis-'))
  const url = `redis://127.0.0.1:${port}`
  const inspector = createInspector(url)
  let server: ChildProcess | undefined
  const isStopped = endWithTest(() => {
    server?.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  async function start(): Promise<void> {
    const binary = process.env.REDIS_SERVER ?? 'redis-server'
    const own = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder]
    const options = [...own, '--save', '', '--appendonly', 'yes', '--enable-debug-command', 'local']
    const child = spawn(binary, options, { stdio: ['ignore', 'pipe', 'inherit'] })
    server = child
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.includes('Ready to accept connections')) break
    }
    child.stdout.resume()
  }

  async function kill(): Promise<void> {
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'exit')
    server.kill('SIGKILL')
    await ended
  }

  /**
   * While the disk is busy with the fsync of the second before, Redis holds writes back that it has acknowledged, and would
   * lose them now: docs/faults.md. That is no matter of the tests here.
   */
  async function isWritten(): Promise<boolean> {
    return /^aof_buffer_length:0\r?$/m.test(await inspector.info('persistence'))
  }

  await start()
  await inspector.connect()
  return {
    url,
    inspector,
    start,
    async kill() {
      await until('what was acknowledged is in its file', isWritten)
      await kill()
    },
    pause: () => server?.kill('SIGSTOP'),
    resume: () => server?.kill('SIGCONT'),
    async calls() {
      const stats = await inspector.info('commandstats')
      const lines = [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)]
      return Object.fromEntries(lines.map(([, name, calls]) => [name, Number(calls)]))
    },
    async watch() {
      const watcher = createInspector(url)
      const lines: string[] = []
      await watcher.connect()
      await watcher.monitor((line) => lines.push(line))
      return {
        async soFar() {
          const mark = randomUUID()
          await inspector.echo(mark)
          await until('all earlier commands are noted', () => lines.some((line) => line.includes(mark)))
          return lines
        },
        stop: () => watcher.destroy(),
      }
    },
    async stop() {
      inspector.destroy()
      await kill()
      await rm(folder, { recursive: true, force: true })
      isStopped()
    },
  }
}

function createInspector(url: string) {
  const client = createClient({ url })
  // It reconnects by itself when the test has killed Redis; the test says what it thinks of that.
  client.on('error', () => {})
  return client
}

/** What has been called in between, without what looks on and what tests do besides. */
export function difference(earlier: Record<string, number>, later: Record<string, number>): Record<string, number> {
  const changed = Object.entries(later)
    .map(([name, calls]) => [name, calls - (earlier[name] ?? 0)] as const)
    .filter(([name, calls]) => calls > 0 && !/^(info|ttl|expire|config|ping|time|hset)/.test(name))
  return Object.fromEntries(changed)
}
