import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { succeed, TOP } from '../lib/command.ts'

/** One way to do sessions: three nodes and an nginx of its own in front, before the Redis that all share. */
export interface Tier {
  name: 'floor' | 'ours' | 'cached' | 'rival'
  title: string
  /** What Compose calls its nodes and its nginx: docker-compose.yml, test/benchmark/compose.yml. */
  nodes: string
  nginx: string
}

export const FLOOR: Tier = { name: 'floor', title: 'no session', nodes: 'floor', nginx: 'floor-nginx' }
export const OURS: Tier = { name: 'ours', title: 'this project', nodes: 'app', nginx: 'nginx' }
export const CACHED: Tier = { name: 'cached', title: 'with SESSION_CACHE=on', nodes: 'cached', nginx: 'cached-nginx' }
export const RIVAL: Tier = { name: 'rival', title: 'express-session', nodes: 'rival', nginx: 'rival-nginx' }
export const TIERS: readonly Tier[] = [FLOOR, OURS, CACHED, RIVAL]

export type Bench = Awaited<ReturnType<typeof openBench>>

/** Whose processor time is told apart. */
export const PARTS = ['app', 'redis', 'nginx'] as const
export type Part = (typeof PARTS)[number]

/** The stack of make bench, as somebody with access to the engine sees it. */
export async function openBench() {
  const compose = (...words: string[]) => succeed('docker', ['compose', ...words])
  const password = (await readFile(`${TOP}/.secrets/redis-admin-password`, 'utf8')).trim()
  const engine = await socketOfEngine()
  const containers = async (service: string) =>
    (await compose('ps', '--format', '{{.Name}}', service)).trim().split('\n')

  await compose('up', '--detach', '--wait', '--quiet-pull', 'redis')
  const [redis = ''] = await containers('redis')

  return {
    compose,
    /** As deploy/redis-cli has it, but asked so often that it is not looked each time whether the stack is up. */
    redis: (...words: string[]) =>
      succeed('docker', ['exec', '--env', 'REDISCLI_AUTH', redis, 'redis-cli', '--user', 'admin', ...words], {
        REDISCLI_AUTH: password,
      }),

    async urlOf({ nginx }: Tier): Promise<string> {
      const address = (await compose('port', nginx, '8080')).trim()
      return `http://localhost:${address.split(':').at(-1)}`
    },

    /**
     * All tiers with so many nodes each, healthy and newly started: what the compiler makes of the same code differs from
     * one process to the next, by more than what is measured here.
     */
    async setNodes(count: number): Promise<void> {
      const services = TIERS.map(({ nodes }) => nodes)
      await compose('stop', '--timeout', '1', ...services)
      const scale = services.flatMap((name) => ['--scale', `${name}=${count}`])
      await compose(
        'up',
        '--detach',
        '--wait',
        '--quiet-pull',
        ...scale,
        ...services,
        ...TIERS.map(({ nginx }) => nginx),
      )
    },

    stop: (tiers: readonly Tier[]) => compose('stop', '--timeout', '1', ...tiers.map(({ nodes }) => nodes)),

    containersOf: async ({ nodes, nginx }: Tier): Promise<Record<Part, string[]>> => ({
      app: await containers(nodes),
      redis: [redis],
      nginx: await containers(nginx),
    }),

    /** Processor time that containers have used so far, in microseconds: their cgroup's, of either version, by the engine. */
    async cpuMicros(names: readonly string[]): Promise<number> {
      const used = names.map(async (name) => {
        const stats = await ask(engine, `/containers/${name}/stats?stream=false&one-shot=true`)
        return stats.cpu_stats.cpu_usage.total_usage / 1000
      })
      return (await Promise.all(used)).reduce((sum, one) => sum + one, 0)
    },
  }
}

async function socketOfEngine(): Promise<string> {
  const host =
    process.env.DOCKER_HOST ||
    (await succeed('docker', ['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'])).trim()
  const socket = /^unix:\/\/(.+)$/.exec(host)?.[1]
  if (socket === undefined) throw new Error(`make bench needs an engine on this machine, not ${host}`)
  return socket
}

/** docker stats rounds to a hundredth of a percent; the API behind it does not. https://docs.docker.com/reference/api/engine/ */
function ask(socketPath: string, path: string): Promise<{ cpu_stats: { cpu_usage: { total_usage: number } } }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, headers: { Host: 'engine' } }, async (res) => {
      let body = ''
      for await (const piece of res.setEncoding('utf8')) body += piece
      if (res.statusCode === 200) resolve(JSON.parse(body))
      else reject(new Error(`the engine says ${res.statusCode} to ${path}: ${body}`))
    })
    asked.on('error', reject)
    asked.end()
  })
}
