import { readFile } from 'node:fs/promises'
import { succeed, TOP } from '../support/command.ts'
import { openEngine } from './engine.ts'
import { BARE, PARTS, type Part, RIVAL, type Stack, TIERS, type Tier } from './tier.ts'

export type Bench = Awaited<ReturnType<typeof openBench>>
export type Containers = Record<Part, readonly string[]>

/** The stack of make bench, with access to the engine. */
export async function openBench() {
  const compose = (...words: string[]) => succeed('docker', ['compose', ...words])
  const up = (...words: string[]) => compose('up', '--detach', '--wait', '--quiet-pull', ...words)
  const password = (await readFile(`${TOP}/.secrets/redis-admin-password`, 'utf8')).trim()
  const engine = await openEngine()

  await up(...TIERS.map(({ redis }) => redis))
  const redisOf = new Map<Tier, string>()
  for (const tier of TIERS) redisOf.set(tier, (await containers(tier.redis))[0] ?? '')
  /** Like deploy/redis-cli, but without checking each time whether the stack is running, because it is called often. */
  const redis = (tier: Tier, ...words: string[]) => {
    const redisCli = [redisOf.get(tier) ?? '', 'redis-cli', '--user', 'admin']
    return succeed('docker', ['exec', '--env', 'REDISCLI_AUTH', ...redisCli, ...words], { REDISCLI_AUTH: password })
  }
  await prepareRedis(redis)

  const cpuMicros = async (names: readonly string[]) =>
    (await Promise.all(names.map(engine.cpuMicros))).reduce((sum, one) => sum + one, 0)

  return {
    compose,
    up,
    redis,

    async urlOf({ nginx }: Stack): Promise<string> {
      const [container = ''] = await containers(nginx)
      const address = (await succeed('docker', ['port', container, '8080'])).trim()
      return `http://localhost:${address.split(':').at(-1)}`
    },

    /**
     * Starts these tiers with this many nodes each. They are restarted, because compiled code differs between processes by more
     * than the measured cost.
     */
    async setNodes(count: number, tiers: readonly Tier[]): Promise<void> {
      const services = tiers.map(({ nodes }) => nodes)
      // The plain nginx does not notice that the addresses of its nodes have changed.
      const plainNginx = tiers.includes(BARE) ? [BARE.nginx] : []
      await compose('stop', '--timeout', '1', ...services, ...plainNginx)
      const scale = services.flatMap((name) => ['--scale', `${name}=${count}`])
      await up(...scale, ...services, ...tiers.map(({ nginx }) => nginx))
    },

    stop: (tiers: readonly Tier[]) => compose('stop', '--timeout', '1', ...tiers.map(({ nodes }) => nodes)),

    containersOf: async (stack: Stack | Tier): Promise<Containers> => ({
      app: await containers(stack.nodes),
      redis: 'redis' in stack ? await containers(stack.redis) : [],
      nginx: await containers(stack.nginx),
    }),

    /** The processor time of the parts so far, in microseconds. */
    async cpuOf(all: Containers): Promise<Record<Part, number>> {
      const [app, redis, nginx] = await Promise.all(PARTS.map((part) => cpuMicros(all[part])))
      return { app: app ?? 0, redis: redis ?? 0, nginx: nginx ?? 0 }
    },
  }
}

/** The containers of a service of this project. */
async function containers(service: string): Promise<string[]> {
  // The engine finds them by their labels in a tenth of the processor time of Compose, which reads all its files first.
  const labels = [`project=${process.env.COMPOSE_PROJECT_NAME}`, `service=${service}`]
  const filters = labels.flatMap((label) => ['--filter', `label=com.docker.compose.${label}`])
  return (await succeed('docker', ['ps', '--format', '{{.Names}}', ...filters])).trim().split('\n').sort()
}

async function prepareRedis(redis: (tier: Tier, ...words: string[]) => Promise<string>): Promise<void> {
  // Otherwise the append-only file would shrink during the measurement and could not be compared.
  for (const tier of TIERS) await redis(tier, 'CONFIG', 'SET', 'auto-aof-rewrite-percentage', '0')
  // The rivals use other key names. Allowed only here, in temporary Redis servers.
  await redis(RIVAL, 'ACL', 'SETUSER', 'app', '~sess:*')
  await redis(BARE, 'ACL', 'SETUSER', 'app', '~myapp:*')
}

/** Runs a program of this folder in a container beside the nodes. Its last line is JSON. */
export async function runInside({ compose }: Bench, service: string, env: Record<string, string>) {
  const settings = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`])
  const words = ['--profile', 'inside', 'run', '--rm', '--no-TTY', '--no-deps', ...settings, service]
  return JSON.parse((await compose(...words)).trim().split('\n').at(-1) ?? '')
}

/** All tiers but these. */
export const allBut = (...tiers: readonly Tier[]) => TIERS.filter((tier) => !tiers.includes(tier))
