import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { succeed } from '../support/command.ts'
import { until } from '../support/until.ts'
import { type Replica, startBalancer } from './balance.ts'
import { BUILT, type Exhibit } from './exhibits.ts'

const NODES = ['app-1', 'app-2', 'app-3']

/** What has ended gets no signal: another process may have its id. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await Promise.race([once(child, 'exit'), sleep(10_000, undefined, { ref: false }).then(() => child.kill('SIGKILL'))])
}

/** Installs an exhibit. Throws with the reason if something cannot be had. */
export async function prepare({ folder, prepare: commands, name }: Exhibit): Promise<void> {
  await mkdir(BUILT, { recursive: true })
  const env = { DATABASE: `${BUILT}/${name}.sqlite3`, REDIS_URL: 'redis://127.0.0.1', NODE_NAME: '' }
  for (const [program, ...args] of commands) await succeed(program, args, env, folder)
}

interface Options {
  env?: Record<string, string>
  hasAffinity?: boolean
}

/** Starts three replicas of an exhibit on a Redis of their own, behind a balancer on its port. Returns what ends them. */
export async function startExhibit(exhibit: Exhibit, options: Options = {}): Promise<() => Promise<void>> {
  const { name, port, folder, start } = exhibit
  const env = { ...exhibit.env, ...options.env }
  const redisPort = await freePort()
  const redis = spawn(process.env.REDIS_SERVER ?? 'redis-server', ['--port', `${redisPort}`, '--save', ''], {
    stdio: 'ignore',
  })
  await until('Redis listens', () => isOpen(redisPort))
  const [program, ...args] = start
  const replicas: (Replica & { child?: ChildProcess })[] = []
  for (const node of NODES) replicas.push({ name: node, port: await freePort(), isLeaving: false })

  async function launch(replica: (typeof replicas)[number]): Promise<void> {
    const own = { PORT: `${replica.port}`, NODE_NAME: replica.name, REDIS_URL: `redis://127.0.0.1:${redisPort}` }
    replica.child = spawn(program, args, {
      cwd: folder,
      env: { ...process.env, ...env, ...own, DATABASE: `${BUILT}/${name}.sqlite3` },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    await until(`${name} ${replica.name} listens`, () => isOpen(replica.port))
    replica.isLeaving = false
  }

  const controls = {
    'store/stop': async () => void redis.kill('SIGSTOP'),
    'store/start': async () => void redis.kill('SIGCONT'),
    /** One after the other. Each first gets no new request, then has time for those under way. */
    async restart() {
      for (const replica of replicas) {
        replica.isLeaving = true
        await sleep(500)
        if (replica.child) await end(replica.child, 'SIGTERM')
        await launch(replica)
      }
    },
    async kill() {
      const [{ child } = {}] = replicas
      if (child) await end(child, 'SIGKILL')
    },
    async 'scale-down'() {
      const replica = replicas[0]
      if (replica === undefined) return
      replica.isLeaving = true
      await sleep(500)
      if (replica.child) await end(replica.child, 'SIGTERM')
    },
  }
  await Promise.all(replicas.map(launch))
  const closeBalancer = await startBalancer({ port, replicas, controls, hasAffinity: options.hasAffinity })
  return async () => {
    await closeBalancer()
    redis.kill('SIGCONT')
    await Promise.all(replicas.map(({ child }) => child && end(child, 'SIGTERM')))
    await end(redis, 'SIGKILL')
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

const isOpen = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
