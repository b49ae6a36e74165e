import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { command, succeed, TOP } from '../lib/command.ts'
import type { RotationTimes } from './history.ts'

export type Stack = ReturnType<typeof openStack>

/** The Compose stack that is up, as somebody with access to the engine can break it. */
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

    /** The nodes that Compose runs, whether they answer or not: app-1, app-2, ... */
    async nodes(): Promise<string[]> {
      const names = (await compose('ps', 'app', '--format', '{{.Name}}')).trim().split('\n')
      return names
        .map((name) => name.slice(project.length + 1))
        .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    },

    /** How its nodes rotate tokens. What is not set has the application's default. */
    async rotation(): Promise<RotationTimes> {
      const [node = 'app-1'] = await this.nodes()
      const script = 'console.log(process.env.SESSION_ROTATE || 900, process.env.SESSION_ROTATE_GRACE || 10)'
      const [every = 0, grace = 0] = (await exec(node, 'node', '--eval', script)).split(' ').map(Number)
      return { everyMs: every * 1000, graceMs: Math.min(grace, every) * 1000 }
    },

    /**
     * SIGKILL for everything in the container but its init, which then ends by itself. `docker kill` would count as
     * stopped by hand, and the restart policy would not bring it back.
     */
    kill: (part: string) => command('docker', ['exec', container(part), 'sh', '-c', 'kill -9 -1']),

    /** Asks a node directly, from inside its container: the balancer lets no probe through. */
    async probe(node: string, path: string): Promise<{ status: number; text: string }> {
      const script = `fetch('http://127.0.0.1:3000' + process.argv[1]).then(async (res) => console.log(res.status, await res.text()))`
      const said = await exec(node, 'node', '--eval', script, path)
      return { status: Number(said.slice(0, 3)), text: said.slice(4) }
    },

    /** A connection to Redis that is there already when there is no room for another one. */
    holdRedis() {
      const child = spawn('deploy/redis-cli', [], { cwd: TOP, stdio: ['pipe', 'pipe', 'inherit'] })
      child.stdout.setEncoding('utf8')
      const ended = once(child, 'close').then(() => {
        throw new Error('redis-cli has ended')
      })
      ended.catch(() => {})
      return {
        async send(...words: string[]): Promise<string> {
          const answered = Promise.race([once(child.stdout, 'data'), ended])
          child.stdin.write(`${words.join(' ')}\n`)
          const [answer] = await answered
          return String(answer).trim()
        },
        async close(): Promise<void> {
          const closed = once(child, 'close')
          child.stdin.end()
          await closed
        },
      }
    },
  }
}

/** Whoever stops this in the middle is told how to get rid of what it has done. */
export function sayIfInterrupted(): void {
  process.once('SIGINT', () => {
    console.error('\nStopped while something was broken. To mend it: docker compose unpause; make down && make up')
    process.exit(130)
  })
}

/** One value out of what a node's /metrics says. */
export function metric(text: string, name: string): number {
  const found = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]
  if (found === undefined) throw new Error(`There is no ${name} in /metrics`)
  return Number(found)
}
