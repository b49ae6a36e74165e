// Recreates services of the running stack with other settings, for faults that need them from the start.
import { mkdir, writeFile } from 'node:fs/promises'
import { succeed, TOP } from '../support/command.ts'
import { until } from '../support/until.ts'
import { holdRedis } from './held-redis.ts'
import type { Stack } from './stack.ts'

/** The folder for the changed settings of the stack with this name. */
export const settingsFolder = () => `.local/faults-${process.env.COMPOSE_PROJECT_NAME || 'sessions'}`

/** Recreates one service with changed settings, or with the original ones. */
export async function remake(service: string, settings?: object): Promise<void> {
  const files = (process.env.COMPOSE_FILE ?? 'docker-compose.yml').split(':')
  if (settings) {
    const file = `${settingsFolder()}/${service}.yml`
    await mkdir(`${TOP}/${settingsFolder()}`, { recursive: true })
    // JSON is also YAML.
    await writeFile(`${TOP}/${file}`, JSON.stringify({ services: { [service]: settings } }))
    files.push(file)
  }
  const options = files.flatMap((file) => ['--file', file])
  await succeed('docker', ['compose', ...options, 'up', '--detach', '--wait', '--no-deps', service])
}

/** The same for Redis, with another command. Its volume and data remain. */
export async function remakeRedis(
  stack: Stack,
  changed?: (command: string[]) => string[],
  settings: object = {},
): Promise<void> {
  const { services } = JSON.parse(await stack.compose('config', '--format', 'json'))
  // The accounts of a Redis that does not reply cannot be copied. Its volume keeps them.
  const accounts = await ownAccounts(stack).catch(() => [])
  await remake('redis', changed && { command: changed(services.redis.command), ...settings })
  await putBack(accounts)
  await until('every node is connected to Redis', async () => {
    const nodes = await stack.nodes()
    const ready = await Promise.all(nodes.map((node) => stack.probe(node, '/readyz')))
    return ready.every(({ status }) => status === 200)
  })
}

/** The same for the nodes, with other settings of the application. */
export async function remakeNodes(stack: Stack, settings: Record<string, string> = {}): Promise<void> {
  const nodes = (await stack.nodes()).length
  // There is no load yet, so no request is in progress.
  const up = ['compose', 'up', '--detach', '--wait', '--timeout', '1', '--no-deps', '--scale', `app=${nodes}`, 'app']
  await succeed('docker', up, settings)
}

/** Key and value of each account that exists only while the drill runs (deploy/test-accounts). */
export async function ownAccounts(stack: Pick<Stack, 'redis'>): Promise<[string, string][]> {
  const keys = (await stack.redis('--raw', '--scan', '--pattern', '*test-account:*')).split('\n').filter(Boolean)
  return Promise.all(
    keys.map(async (key) => [key, (await stack.redis('--raw', 'GET', key)).trim()] as [string, string]),
  )
}

/** A Redis with separate data does not have these accounts. The commands contain hashes, so they use standard input. */
export async function putBack(accounts: readonly [string, string][]): Promise<void> {
  if (accounts.length === 0) return
  const redis = holdRedis()
  try {
    for (const [key, value] of accounts) await redis.send('SET', key, JSON.stringify(value), 'NX', 'EX', '3600')
  } finally {
    await redis.close()
  }
}
