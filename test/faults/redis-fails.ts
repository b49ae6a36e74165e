// The faults of the Redis that all nodes share.
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../support/until.ts'
import type { Fault, Watch } from './fault.ts'
import { RECORDER_RATE } from './load.ts'
import { remakeRedis } from './remake.ts'
import { metric, type Stack } from './stack.ts'

/** Redis does not reply. */
export const AWAY = { get: [503], post: [503] }
export const WITHIN_A_SECOND = 1_000

export const killRedis: Fault = {
  name: 'kill-redis',
  title: 'Redis is killed and restarted',
  tolerated: AWAY,
  slowestMs: WITHIN_A_SECOND,
  recoverMs: 5_000,
  seconds: 8,
  async happen(stack, watch) {
    await watch.recorder.whileRedisDies(() => stack.kill('redis-1'))
    watch.mended()
    await expectServingWithoutRedis(stack, watch)
  },
}

/** The page is available, and every node is alive: restarting a node would not repair Redis. */
async function expectServingWithoutRedis(stack: Stack, watch: Watch): Promise<void> {
  const [node = 'app-1'] = await stack.nodes()
  const [page, alive] = await Promise.all([fetch(stack.url), stack.probe(node, '/livez')])
  await page.arrayBuffer()
  watch.expect(page.status === 200, `the page got status ${page.status}`)
  watch.expect(alive.status === 200, `/livez got status ${alive.status}`)
}

export const pauseRedis = (seconds: number): Fault => ({
  name: 'pause-redis',
  title: `Redis hangs for ${seconds} s`,
  tolerated: AWAY,
  // An interrupted operation may wait for a second, optional command, such as the event of a logout.
  slowestMs: 1_500,
  recoverMs: 3_000,
  seconds: seconds + 3,
  async happen(stack, watch) {
    const nodes = await stack.nodes()
    const before = await memoryMb(stack, nodes)
    const usual = await redisWork(stack, 2_000)
    const redis = stack.container('redis-1')
    await stack.docker('pause', redis)
    const pausedMs = watch.now()
    let atTheEnd: number
    try {
      await sleep((seconds - 2) * 1000)
      await expectServingWithoutRedis(stack, watch)
      await sleep(2_000)
      atTheEnd = await memoryMb(stack, nodes)
    } finally {
      await stack.docker('unpause', redis)
    }
    watch.mended()
    const during = watch.recorder.between(pausedMs, watch.now())
    const refused = during.filter(({ status }) => status === 503)
    watch.expect(refused.length > during.length / 2, 'too few requests failed')
    watch.expectWithin(Math.max(...refused.map(({ tookMs }) => tookMs)), WITHIN_A_SECOND, 'a 503')
    const onReturn = await redisWork(stack, 2_000)
    watch.expect(
      atTheEnd - before < 48,
      `the nodes' memory went from ${before.toFixed(0)} to ${atTheEnd.toFixed(0)} MB`,
    )
    watch.expect(
      onReturn.commands < 3 * usual.commands && onReturn.connections < 5 * nodes.length,
      `a burst of commands after Redis was back: ${JSON.stringify(onReturn)} a second, usually ${JSON.stringify(usual)}`,
    )
  },
})

async function memoryMb(stack: Stack, nodes: readonly string[]): Promise<number> {
  const texts = await Promise.all(nodes.map((node) => stack.probe(node, '/metrics')))
  return texts.reduce((sum, { text }) => sum + metric(text, 'process_resident_memory_bytes') / 1e6, 0)
}

/** The commands per second of Redis, measured over this many milliseconds. */
async function redisWork(stack: Stack, ms: number): Promise<{ commands: number; connections: number }> {
  const read = async () => {
    const stats = await stack.redis('--raw', 'INFO', 'stats')
    const value = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(stats)?.[1])
    return { commands: value('total_commands_processed'), connections: value('total_connections_received') }
  }
  const startedAt = performance.now()
  const before = await read()
  await sleep(ms)
  const after = await read()
  const seconds = (performance.now() - startedAt) / 1000
  return {
    commands: (after.commands - before.commands) / seconds,
    connections: (after.connections - before.connections) / seconds,
  }
}

const fullRedis: Fault = {
  name: 'full-redis',
  title: 'Redis is full',
  tolerated: { get: [], post: [503] },
  slowestMs: WITHIN_A_SECOND,
  recoverMs: 1_000,
  seconds: 6,
  async happen(stack, watch) {
    const [, maxmemory = '0'] = (await stack.redis('--raw', 'CONFIG', 'GET', 'maxmemory')).trim().split('\n')
    await stack.redis('CONFIG', 'SET', 'maxmemory', '1mb')
    const fromMs = watch.now()
    try {
      await logOutOne(watch)
      await sleep(4_000)
      expectOnly(watch, fromMs, { login: 503, logout: 204, ask: 200 })
    } finally {
      await stack.redis('CONFIG', 'SET', 'maxmemory', maxmemory)
    }
    watch.mended()
  },
}

const slowRedis: Fault = {
  name: 'slow-redis',
  title: 'Redis takes 300 ms for every command',
  tolerated: AWAY,
  // A login sends Redis five commands in sequence.
  slowestMs: 3_000,
  recoverMs: 1_000,
  seconds: 10,
  async happen(stack, watch) {
    const redis = stack.holdRedis()
    const fromMs = watch.now()
    let most = 0
    try {
      while (watch.now() - fromMs < 6_000) {
        await redis.send('CLIENT', 'PAUSE', '300', 'ALL')
        // Redis checks every 100 ms whether a pause is over (hz). Waiting commands run before the next pause.
        await sleep(450)
        most = Math.max(most, watch.recorder.underWay())
      }
    } finally {
      await redis.close()
    }
    watch.mended()
    const during = watch.recorder.between(fromMs, watch.now())
    const slow = during.filter(({ tookMs }) => tookMs > 150)
    watch.expect(slow.length > during.length / 10, 'Redis was not slow')
    // The number of concurrent requests is the number that start while one is in progress.
    watch.expectWithin(
      (most / RECORDER_RATE) * 1000,
      1_500,
      `the response time that leads to ${most} concurrent requests`,
    )
  },
}

/** A separate place for the data, so the volume is not touched. */
const SMALL_DISK = '/small'
const SMALL_DISK_KB = 8_192
export const onSmallDisk = (command: readonly string[]) => [...command, '--dir', SMALL_DISK]
export const SMALL_DISK_SETTINGS = {
  tmpfs: [`${SMALL_DISK}:size=${SMALL_DISK_KB}k,uid=999,gid=999,mode=0700`],
}

const fullDisk: Fault = {
  name: 'full-disk',
  title: 'The disk of Redis is full',
  tolerated: { get: [], post: [503] },
  slowestMs: WITHIN_A_SECOND,
  recoverMs: 3_000,
  seconds: 8,
  prepare: (stack) => remakeRedis(stack, onSmallDisk, SMALL_DISK_SETTINGS),
  restore: (stack) => remakeRedis(stack),
  async happen(stack, watch) {
    await withFullDisk(stack, watch, 'redis-1', async () => {
      const fromMs = watch.now()
      await logOutOne(watch)
      await sleep(4_000)
      expectOnly(watch, fromMs, { login: 503, logout: 503, ask: 200 })
    })
    watch.mended()
  },
}

/** The disk of this Redis, which has its data in SMALL_DISK, is full until this has happened. */
export async function withFullDisk(
  stack: Stack,
  watch: Watch,
  part: string,
  happen: () => Promise<void>,
): Promise<void> {
  // Writes no more than fits, in case this is a real disk.
  const size = Number((await stack.exec(part, 'df', '-k', '--output=size', SMALL_DISK)).split('\n')[1])
  if (!(size <= SMALL_DISK_KB)) throw new Error(`Not filled: ${SMALL_DISK} has ${size} kB, which is no small disk`)
  const fill = `dd if=/dev/zero of=${SMALL_DISK}/filler bs=1k count=${size}; true`
  await stack.exec(part, 'sh', '-c', fill)
  try {
    await until('Redis rejects writes', () => watch.recorder.operations.at(-1)?.status === 503)
    await happen()
  } finally {
    await stack.exec(part, 'rm', `${SMALL_DISK}/filler`)
  }
}

/** Without new logins, the load may send no logout. */
async function logOutOne({ recorder }: Watch): Promise<void> {
  const [leaving] = recorder.inState('living')
  if (leaving) await recorder.logOut(leaving)
}

/** Expects that all requests of this kind since then got this status. */
function expectOnly({ recorder, expect, expectWithin, now }: Watch, fromMs: number, expected: Record<string, number>) {
  const during = recorder.between(fromMs, now())
  for (const [kind, status] of Object.entries(expected)) {
    const answers = during.filter((operation) => operation.kind === kind)
    const late = answers.filter((operation) => operation.status === 503 && status !== 503)
    const seen = new Set(answers.filter((one) => !late.includes(one)).map((operation) => operation.status))
    expect(seen.size === 1 && seen.has(status), `${kind} got status ${[...seen].join(', ') || 'none'}`)
    // After the deadline for Redis (REDIS_DEADLINE_MS), a node responds with 503.
    if (late.length > 0)
      expectWithin(Math.max(501, ...late.map(({ tookMs }) => tookMs)), 500, `${kind} with status 503`)
  }
}

export const redisFaults = [killRedis, pauseRedis(10), fullRedis, slowRedis, fullDisk]
