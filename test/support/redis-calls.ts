import { randomUUID } from 'node:crypto'
import { createClient } from 'redis'
import { until } from './until.ts'

export type Inspector = ReturnType<typeof createInspector>

export function createInspector(url: string) {
  const client = createClient({ url })
  // The client reconnects after the test has killed Redis. The test itself judges the errors.
  client.on('error', () => {})
  return client
}

/** The number of calls of each command so far, by lower-case name. */
export async function countCalls(inspector: Inspector): Promise<Record<string, number>> {
  const stats = await inspector.info('commandstats')
  const lines = [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)]
  return Object.fromEntries(lines.map(([, name, calls]) => [name, Number(calls)]))
}

/** The calls in between, without the commands of the inspection and of the tests themselves. */
export function difference(earlier: Record<string, number>, later: Record<string, number>): Record<string, number> {
  const changed = Object.entries(later)
    .map(([name, calls]) => [name, calls - (earlier[name] ?? 0)] as const)
    .filter(([name, calls]) => calls > 0 && !/^(info|ttl|expire|config|ping|time|hset)/.test(name))
  return Object.fromEntries(changed)
}

/** Starts to record every command, as MONITOR prints it. */
export async function watchCommands(url: string, inspector: Inspector) {
  const watcher = createInspector(url)
  const lines: string[] = []
  await watcher.connect()
  await watcher.monitor((line) => lines.push(line))
  return {
    async soFar(): Promise<string[]> {
      const mark = randomUUID()
      await inspector.echo(mark)
      await until('all earlier commands are recorded', () => lines.some((line) => line.includes(mark)))
      return lines
    },
    stop: () => watcher.destroy(),
  }
}
