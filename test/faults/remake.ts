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
  await remake('redis', changed && { command: changed(services.redis.command), ...settings })
  await until('every node has found it', async () => {
    const nodes = await stack.nodes()
    const ready = await Promise.all(nodes.map((node) => stack.probe(node, '/readyz')))
    return ready.every(({ status }) => status === 200)
  })
}
