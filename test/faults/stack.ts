import { command, succeed } from '../support/command.ts'
import { holdRedis } from './held-redis.ts'
import type { RotationTimes } from './history.ts'
import { redisKind } from './servers.ts'

export type Stack = ReturnType<typeof openStack>

/** The running Compose stack, with the operations to break it through the engine. */
export function openStack(url: string) {
  const project = process.env.COMPOSE_PROJECT_NAME || 'sessions'
  const container = (part: string) => `${project}-${part}`
  const docker = (...words: string[]) => succeed('docker', words)
  const compose = (...words: string[]) => docker('compose', ...words)
  const exec = (part: string, ...words: string[]) => docker('exec', container(part), ...words)

  return {
    url,
    project,
    container,
    docker,
    compose,
    exec,
    redis: (...words: string[]) => succeed('deploy/redis-cli', words),
    holdRedis,
    emptyProgram: ['docker', 'exec', container('nginx-1'), 'true'] as const,

    async hasReplicas(): Promise<boolean> {
      return (await redisKind({ docker, project })) !== 'single'
    },

    async logs(since: Date): Promise<(string | undefined)[]> {
      const names = (await compose('ps', '--format', '{{.Name}}')).trim().split('\n')
      const read = (name: string) => command('docker', ['logs', '--since', since.toISOString(), name])
      const logs = await Promise.all(names.map(read))
      return logs.map(({ code, output }) => (code === 0 ? output : undefined))
    },

    /** The nodes that Compose runs, whether or not they respond: app-1, app-2, ... */
    async nodes(): Promise<string[]> {
      const names = (await compose('ps', 'app', '--format', '{{.Name}}')).trim().split('\n')
      return names
        .map((name) => name.slice(project.length + 1))
        .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    },

    /** The rotation settings of its nodes. Unset ones have the application's default. */
    async rotation(): Promise<RotationTimes> {
      const [node = 'app-1'] = await this.nodes()
      const script = 'console.log(process.env.SESSION_ROTATE || 900, process.env.SESSION_ROTATE_GRACE || 10)'
      const [every = 0, grace = 0] = (await exec(node, 'node', '--eval', script)).split(' ').map(Number)
      return { everyMs: every * 1000, graceMs: Math.min(grace, every) * 1000 }
    },

    /**
     * Sends SIGKILL to all processes of the container except its init, which then exits. `docker kill` would count as a
     * manual stop, and the restart policy would not restart the container.
     */
    kill: (part: string) => command('docker', ['exec', container(part), 'sh', '-c', 'kill -9 -1']),

    /** Queries a node from inside its container, because nginx serves no probe. */
    async probe(node: string, path: string): Promise<{ status: number; text: string }> {
      // As the health check of docker-compose.yml: a Node process would take a second of a busy machine.
      const script = 'exec 3<>/dev/tcp/127.0.0.1/3000 && printf "GET $0 HTTP/1.0\\r\\n\\r\\n" >&3 && cat <&3'
      const [, status = '', text = ''] =
        /^HTTP\/1\.\d (\d+)[\s\S]*?\r\n\r\n([\s\S]*)/.exec(await exec(node, 'bash', '-c', script, path)) ?? []
      return { status: Number(status), text }
    },
  }
}

/** Tells a user who interrupts the run how to repair the stack. */
export function sayIfInterrupted(): void {
  process.once('SIGINT', () => {
    console.error('\nStopped during a fault. Repair the stack with: docker compose unpause; make down && make up')
    process.exit(130)
  })
}

/** Reads one value of a node's /metrics. */
export function metric(text: string, name: string): number {
  const found = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]
  if (found === undefined) throw new Error(`There is no ${name} in /metrics`)
  return Number(found)
}
