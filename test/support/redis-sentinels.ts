import { rmSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'
import { endWithTest } from './end-with-test.ts'
import { lastingPort } from './lasting-port.ts'
import { createSentinelProcess } from './redis-process.ts'
import type { TestRedis } from './redis-server.ts'
import { startServer, type TestServer } from './redis-single.ts'
import { until } from './until.ts'

const NAME = 'main'
/** Without it a replica waits for five seconds before it copies the data. */
const AT_ONCE = ['--repl-diskless-sync-delay', '0', '--repl-timeout', '60']

export interface SentinelOptions {
  /** How long the primary must be silent until the sentinels replace it. */
  downAfterMs?: number
  /** Further options of the servers. Default: the primary demands a replica for each write. */
  server?: readonly string[]
  /** Variables of the first server, which is the primary at the start. */
  firstEnv?: Record<string, string>
}

export interface RedisWithSentinels extends TestRedis {
  servers: TestServer[]
  /** The server that the sentinels name now. */
  primary(): Promise<TestServer>
  sentinels: TestSentinel[]
}

export interface TestSentinel {
  port: number
  kill(): Promise<void>
  start(): Promise<void>
  /** Where it says that the primary is, and since which failover. */
  named(): Promise<{ port: number; epoch: number }>
  /** Promotes a replica although the primary runs. */
  failOver(): Promise<void>
  /** From now on, its clients may send only these commands, and listen to no channel. */
  limitTo(commands: string): Promise<void>
  /** How many channels its clients listen to. It has no PUBSUB NUMSUB. */
  channels(): Promise<number>
}

/** A primary, two replicas and three sentinels. */
export async function startRedisWithSentinels(options: SentinelOptions = {}): Promise<RedisWithSentinels> {
  const { downAfterMs = 1_000, server = ['--min-replicas-to-write', '1'], firstEnv } = options
  const first = await startServer([...AT_ONCE, ...server], firstEnv)
  const follow = ['--replicaof', '127.0.0.1', `${first.port}`]
  const replicas = await Promise.all([1, 2].map(() => startServer([...AT_ONCE, ...server, ...follow])))
  const servers = [first, ...replicas]
  await until('both replicas have the data', async () => (await Promise.all(replicas.map(isInStep))).every(Boolean))
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(first.port, downAfterMs)))
  await until('the sentinels know each other and the replicas', async () =>
    (await Promise.all(sentinels.map(({ knowsAll }) => knowsAll()))).every(Boolean),
  )

  async function primary(): Promise<TestServer> {
    const named = await Promise.all(sentinels.map((one) => one.named()))
    const [newest] = named.sort((a, b) => b.epoch - a.epoch)
    return servers.find(({ port }) => port === newest?.port) ?? first
  }

  return {
    ...first,
    servers,
    sentinels,
    primary,
    address: {
      sentinels: {
        addresses: sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
        primary: NAME,
        username: undefined,
        password: undefined,
      },
      replicas: 1,
    },
    async kill() {
      // The replicas first: a sentinel could otherwise make one of them the primary.
      for (const one of [...replicas, first]) await one.kill()
    },
    async start() {
      await Promise.all(servers.map((one) => one.start()))
      await until('the primary has its replicas', async () =>
        (await Promise.all(replicas.map(isInStep))).every(Boolean),
      )
    },
    async stop() {
      await Promise.all(sentinels.map((one) => one.stop()))
      await Promise.all(servers.map((one) => one.stop()))
    },
  }
}

export const isInStep = async ({ inspector }: Pick<TestServer, 'inspector'>) =>
  /^master_link_status:up\r?$/m.test(await inspector.info('replication'))

async function startSentinel(primaryPort: number, downAfterMs: number) {
  const port = await lastingPort()
  const folder = await mkdtemp(join(tmpdir(), 'test-sentinel-'))
  const file = join(folder, 'sentinel.conf')
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${primaryPort} 2`,
    `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
    `sentinel failover-timeout ${NAME} 10000`,
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  const server = createSentinelProcess(file)
  const isStopped = endWithTest(() => {
    server.signal('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  await server.start()
  const client = createClient({ url: `redis://127.0.0.1:${port}` })
  client.on('error', () => {})
  await client.connect()
  const ask = () => client.sendCommand<Record<string, string>>(['SENTINEL', 'MASTER', NAME])

  return {
    port,
    kill: server.kill,
    start: server.start,
    async named() {
      const [, primary] = await client.sendCommand<string[]>(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME])
      return { port: Number(primary), epoch: Number((await ask())['config-epoch']) }
    },
    async failOver() {
      await client.sendCommand(['SENTINEL', 'FAILOVER', NAME])
    },
    async limitTo(commands: string) {
      const rules = ['reset', 'on', 'nopass', '-@all', ...commands.split(' ')]
      await client.sendCommand(['ACL', 'SETUSER', 'default', ...rules])
    },
    async channels() {
      const clients = await client.sendCommand<string>(['CLIENT', 'LIST'])
      return [...clients.matchAll(/ sub=(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0)
    },
    async knowsAll(): Promise<boolean> {
      const { 'num-slaves': replicas, 'num-other-sentinels': others } = await ask()
      return replicas === '2' && others === '2'
    },
    async stop() {
      client.destroy()
      await server.kill()
      await rm(folder, { recursive: true, force: true })
      isStopped()
    },
  }
}
