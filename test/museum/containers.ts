import { readFile } from 'node:fs/promises'
import { command, succeed, TOP } from '../support/command.ts'

export interface Container {
  signal(name: 'HUP'): Promise<void>
  pause(): Promise<void>
  unpause(): Promise<void>
  remove(): Promise<void>
}

interface Options {
  name: string
  /** The image of this service in docker-compose.yml. */
  service: 'nginx' | 'redis'
  /** A folder of this machine that the container reads at the same path. */
  folder?: string
  run: readonly string[]
}

/** Starts a container on the network of this machine, so that the replicas need no container. It is removed when it ends. */
export async function startContainer({ name, service, folder, run }: Options): Promise<Container> {
  const container = `museum-${name}`
  // One that an interrupted run has left.
  await command('docker', ['rm', '--force', container])
  const volumes = folder === undefined ? [] : ['--volume', `${folder}:${folder}:ro`]
  const image = await imageOf(service)
  const start = ['run', '--detach', '--rm', '--network', 'host', '--name', container, ...volumes]
  await succeed('docker', [...start, image, ...run])
  return {
    signal: async (signal) => void (await succeed('docker', ['kill', '--signal', signal, container])),
    pause: async () => void (await succeed('docker', ['pause', container])),
    unpause: async () => void (await succeed('docker', ['unpause', container])),
    remove: async () => void (await command('docker', ['rm', '--force', container])),
  }
}

async function imageOf(service: string): Promise<string> {
  const compose = await readFile(`${TOP}/docker-compose.yml`, 'utf8')
  const image = new RegExp(`^ +image: (${service}:\\S+)`, 'm').exec(compose)?.[1]
  if (image === undefined) throw new Error(`docker-compose.yml names no image of ${service}`)
  return image
}
