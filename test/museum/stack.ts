import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { succeed } from '../support/command.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { until } from '../support/until.ts'
import { type Replica, startBalancer } from './balance.ts'
import { startContainer } from './containers.ts'
import { serveControls } from './controls.ts'
import { BUILT, type Exhibit } from './exhibits.ts'

const NODES = ['app-1', 'app-2', 'app-3']
/** How long requests may still be under way at a replica that gets no new ones. */
const UNDER_WAY_MS = 500

/** Installs an exhibit. Throws with the reason if something cannot be had. */
export async function prepare({ folder, prepare: commands, name }: Exhibit): Promise<void> {
  await mkdir(BUILT, { recursive: true })
  const env = { DATABASE: `${BUILT}/${name}.sqlite3`, REDIS_URL: 'redis://127.0.0.1', NODE_NAME: '' }
  for (const [program, ...args] of commands) await succeed(program, args, env, folder)
}

interface Options {
  env?: Record<string, string>
  isSticky?: boolean
}

/** Starts three replicas of an exhibit on a Redis of their own, behind an nginx on its port. Returns what ends them. */
export async function startExhibit(exhibit: Exhibit, options: Options = {}): Promise<() => Promise<void>> {
  const { name, port } = exhibit
  const redisPort = await lastingPort()
  const save = ['--port', `${redisPort}`, '--bind', '127.0.0.1', '--save', '']
  const redis = await startContainer({ name: `${name}-redis`, service: 'redis', run: ['redis-server', ...save] })
  await until('Redis listens', () => isOpen(redisPort))
  const replicas: Running[] = []
  for (const node of NODES) replicas.push({ node, port: await lastingPort(), isLeaving: false })
  const launch = createLaunch(exhibit, { ...options.env, REDIS_URL: `redis://127.0.0.1:${redisPort}` })

  /** It first gets no new request, then has time for those under way. */
  async function leave(replica: Running): Promise<void> {
    replica.isLeaving = true
    await balancer.reload()
    await sleep(UNDER_WAY_MS)
    await end(replica, 'SIGTERM')
  }

  const controls = await serveControls({
    'store/stop': redis.pause,
    'store/start': redis.unpause,
    async restart() {
      for (const replica of replicas) {
        await leave(replica)
        await launch(replica)
        replica.isLeaving = false
        await balancer.reload()
      }
    },
    kill: async () => end(first(replicas), 'SIGKILL'),
    'scale-down': async () => leave(first(replicas)),
  })
  await Promise.all(replicas.map(launch))
  const { isSticky = false } = options
  const balancer = await startBalancer({ name, port, replicas, controlsPort: controls.port, isSticky })
  return async () => {
    await balancer.remove()
    await controls.close()
    await Promise.all(replicas.map((replica) => end(replica, 'SIGTERM')))
    await redis.remove()
  }
}

interface Running extends Replica {
  node: string
  child?: ChildProcess
}

const first = ([replica]: readonly Running[]): Running => {
  if (replica === undefined) throw new Error('there is no replica')
  return replica
}

/** Returns a function that starts a replica, and waits until it listens. */
function createLaunch({ name, folder, start, env }: Exhibit, own: Record<string, string>) {
  const [program, ...args] = start
  return async (replica: Running): Promise<void> => {
    const place = { PORT: `${replica.port}`, NODE_NAME: replica.node, DATABASE: `${BUILT}/${name}.sqlite3` }
    replica.child = spawn(program, args, {
      cwd: folder,
      env: { ...process.env, ...env, ...own, ...place },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    await until(`${name} ${replica.node} listens`, () => isOpen(replica.port))
  }
}

/** What has ended gets no signal: another process may have its id. */
async function end({ child }: Running, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await Promise.race([once(child, 'exit'), sleep(10_000, undefined, { ref: false }).then(() => child.kill('SIGKILL'))])
}

const isOpen = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
