import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endWithTest } from './end-with-test.ts'
import { lastingPort } from './lasting-port.ts'
import { countCalls, createInspector, watchCommands } from './redis-calls.ts'
import { createRedisProcess, type RedisProcess } from './redis-process.ts'
import type { TestRedis } from './redis-server.ts'
import { until } from './until.ts'

export type TestServer = Awaited<ReturnType<typeof startServer>>

/** One redis-server with these further options and variables, on a port of its own. */
export async function startServer(more: readonly string[] = [], env: Record<string, string> = {}) {
  const port = await lastingPort()
  const folder = await mkdtemp(join(tmpdir(), 'test-redis-'))
  const url = `redis://127.0.0.1:${port}`
  const inspector = createInspector(url)
  const server: RedisProcess = createRedisProcess(port, folder, more, env)
  const isStopped = endWithTest(() => {
    server.signal('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  /**
   * During an fsync, Redis delays writes that it has already acknowledged and would lose them now: docs/faults.md. These tests
   * do not cover that case.
   */
  async function isWritten(): Promise<boolean> {
    return /^aof_buffer_length:0\r?$/m.test(await inspector.info('persistence'))
  }

  await server.start()
  await inspector.connect()
  return {
    port,
    url,
    inspector,
    start: server.start,
    isRunning: server.isRunning,
    async kill() {
      if (!server.isRunning()) return
      await until('all acknowledged writes are in the file', isWritten)
      await server.kill()
    },
    /** At once. */
    crash: server.kill,
    pause: () => server.signal('SIGSTOP'),
    resume: () => server.signal('SIGCONT'),
    calls: () => countCalls(inspector),
    watch: () => watchCommands(url, inspector),
    async stop() {
      inspector.destroy()
      server.signal('SIGCONT')
      await server.kill()
      await rm(folder, { recursive: true, force: true })
      isStopped()
    },
  }
}

export async function startSingleRedis(): Promise<TestRedis> {
  const server = await startServer()
  return { ...server, address: { url: server.url } }
}
