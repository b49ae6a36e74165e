// Services of the running stack made anew with other settings, for faults that are there from the beginning.
import { mkdir, writeFile } from 'node:fs/promises'
import { until } from '../../app/test/lib/until.ts'
import { succeed, TOP } from '../lib/command.ts'
import type { Stack } from './stack.ts'

/** Where the settings are written down meanwhile. */
export const FOLDER = '.local/faults'

/** Makes one service anew with other settings than Compose's files have, or with just those. */
export async function remake(service: string, settings?: object): Promise<void> {
  const files = (process.env.COMPOSE_FILE ?? 'docker-compose.yml').split(':')
  if (settings) {
    const file = `${FOLDER}/${service}.yml`
    await mkdir(`${TOP}/${FOLDER}`, { recursive: true })
    // JSON is YAML too.
    await writeFile(`${TOP}/${file}`, JSON.stringify({ services: { [service]: settings } }))
    files.push(file)
  }
  const options = files.flatMap((file) => ['--file', file])
  await succeed('docker', ['compose', ...options, 'up', '--detach', '--wait', '--no-deps', service])
}

/** The same for Redis, with another command than it has. Its volume, and what is in it, stays. */
export async function remakeRedis(
  stack: Stack,
  changed?: (command: string[]) => string[],
  settings: object = {},
): Promise<void> {
  const { services } = JSON.parse(await stack.compose('config', '--format', 'json'))
  // A Redis that does not answer has none to carry over. The volume keeps what was in it.
  const accounts = await ownAccounts(stack).catch(() => [])
  await remake('redis', changed && { command: changed(services.redis.command), ...settings })
  await putBack(stack, accounts)
  await until('every node has found it', async () => {
    const nodes = await stack.nodes()
    const ready = await Promise.all(nodes.map((node) => stack.probe(node, '/readyz')))
    return ready.every(({ status }) => status === 200)
  })
}

/** The same for the nodes, with other settings of the application. */
export async function remakeNodes(stack: Stack, settings: Record<string, string> = {}): Promise<void> {
  const nodes = (await stack.nodes()).length
  // Nobody is there yet who would have to be served to the end.
  const up = ['compose', 'up', '--detach', '--wait', '--timeout', '1', '--no-deps', '--scale', `app=${nodes}`, 'app']
  await succeed('docker', up, settings)
}

/** Key and value of each account that exists only while the drill runs (deploy/test-accounts). */
async function ownAccounts(stack: Stack): Promise<[string, string][]> {
  const keys = (await stack.redis('--raw', '--scan', '--pattern', '*test-account:*')).split('\n').filter(Boolean)
  return Promise.all(
    keys.map(async (key) => [key, (await stack.redis('--raw', 'GET', key)).trim()] as [string, string]),
  )
}

/** A Redis with its data in another place does not know them. The commands go by standard input: they hold hashes. */
async function putBack(stack: Stack, accounts: readonly [string, string][]): Promise<void> {
  if (accounts.length === 0) return
  const redis = stack.holdRedis()
  try {
    for (const [key, value] of accounts) await redis.send('SET', key, JSON.stringify(value), 'NX', 'EX', '3600')
  } finally {
    await redis.close()
  }
}
