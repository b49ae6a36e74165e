// The faults of a node. They use the second node if there are several.
import { setTimeout as sleep } from 'node:timers/promises'
import { succeed } from '../support/command.ts'
import { until } from '../support/until.ts'
import type { Fault, Watch } from './fault.ts'
import { isRight, type Operation } from './history.ts'
import { metric, type Stack } from './stack.ts'

const NONE = { get: [], post: [] }
/** nginx waits four seconds for a response (proxy_read_timeout), then retries on another node. */
const PASSED_OVER_MS = 5_500

/** The files that compose.yml mounts into the misbehaving node. */
const LOADED_FIRST = ['test/faults/block.ts', 'test/support/clock-off.ts']

const victimOf = async (stack: Stack): Promise<string> => {
  const [first = 'app-1', second = first] = await stack.nodes()
  return second
}

const killNode: Fault = {
  name: 'kill-node',
  title: 'A node is killed',
  tolerated: { get: [], post: [502] },
  slowestMs: 2_000,
  recoverMs: 10_000,
  seconds: 8,
  async happen(stack, watch) {
    await stack.kill(await victimOf(stack))
    watch.mended()
  },
}

const rolling: Fault = {
  name: 'rolling',
  title: 'Every node is stopped in turn',
  tolerated: NONE,
  slowestMs: 2_000,
  recoverMs: 10_000,
  seconds: 20,
  async happen(stack, watch) {
    const said = await succeed('deploy/restart', [])
    watch.mended()
    for (const node of await stack.nodes())
      watch.expect(said.includes(`${node}: draining, starting, healthy\n`), `${node} was not restarted`)
  },
}

/** One node is enough to show that the drill notices it. For the controls. */
export const stopNode: Fault = {
  ...rolling,
  name: 'stop-node',
  title: 'A node is stopped and started',
  async happen(stack, watch) {
    await stack.docker('restart', stack.container(await victimOf(stack)))
    watch.mended()
  },
}

const pauseNode: Fault = {
  name: 'pause-node',
  title: 'A node hangs for 15 s',
  tolerated: { get: [], post: [504] },
  slowestMs: PASSED_OVER_MS,
  recoverMs: 10_000,
  seconds: 18,
  async happen(stack, watch) {
    const node = stack.container(await victimOf(stack))
    await stack.docker('pause', node)
    try {
      await sleep(15_000)
    } finally {
      await stack.docker('unpause', node)
    }
    watch.mended()
  },
}

/** Does the work with an additional node that misbehaves on request: see compose.yml beside this file. */
export async function withFaultyNode(
  settings: Record<string, string>,
  work: (node: string) => Promise<void>,
): Promise<void> {
  const files = `${process.env.COMPOSE_FILE ?? 'docker-compose.yml'}:test/faults/compose.yml`
  const environment = { ...settings, COMPOSE_FILE: files, COMPOSE_PATH_SEPARATOR: ':' }
  const compose = (...words: string[]) => succeed('docker', ['compose', ...words], environment)
  // Readable with any umask, because the node runs as another user.
  await succeed('chmod', ['a+r', ...LOADED_FIRST])
  await compose('up', '--detach', '--wait', '--no-deps', 'faulty')
  try {
    await work('faulty-1')
  } finally {
    // Stopped first, so it drains like any node.
    await compose('rm', '--stop', '--force', 'faulty')
  }
}

const blockNode: Fault = {
  name: 'block-node',
  title: 'The event loop of a node is blocked for 3 s',
  tolerated: { get: [], post: [504] },
  slowestMs: PASSED_OVER_MS,
  recoverMs: 10_000,
  seconds: 15,
  async happen(stack, watch) {
    const fromMs = watch.now()
    await withFaultyNode({}, async (node) => {
      await until('the node serves', () => watch.recorder.hasServed(node, fromMs))
      const lag = async () => metric((await stack.probe(node, '/metrics')).text, 'nodejs_eventloop_lag_max_seconds')
      // A read resets the metric, so the next read does not include the start of the process.
      await lag()
      const before = await lag()
      await stack.probe(node, '/faults/block/3000')
      const highest = await lag()
      watch.expectWithin(before * 1000, 1_000, 'the longest event-loop delay before that')
      watch.expect(highest > 2.5, `the lag metric went from ${before} to ${highest} s`)
      watch.mended()
      const mendedMs = watch.now()
      await until('the node serves again', () => watch.recorder.hasServed(node, mendedMs))
    })
  },
}

const cutNode: Fault = {
  name: 'cut-node',
  title: 'A node is disconnected from Redis',
  tolerated: { get: [503], post: [503] },
  slowestMs: 1_500,
  recoverMs: 3_000,
  seconds: 14,
  async happen(stack, watch) {
    const node = await victimOf(stack)
    const network = `${stack.project}_data`
    await stack.docker('network', 'disconnect', network, stack.container(node))
    try {
      // nginx must have noticed by then.
      await sleep(3_000)
      const fromMs = watch.now()
      await sleep(5_000)
      await expectAliveButNotReady(stack, watch, node)
      const late = watch.recorder.between(fromMs, watch.now())
      const isSlow = ({ status, servedBy }: Operation) => status === 503 && servedBy !== node
      const wrong = late.filter((operation) => !isRight(operation) && !isSlow(operation))
      for (const { tookMs, servedBy } of late.filter(isSlow))
        watch.expectWithin(Math.max(501, tookMs), 500, `a reply of Redis to ${servedBy}`)
      watch.expect(late.length > 0 && wrong.length === 0, `${wrong.length} wrong answers after three seconds`)
      watch.expect(
        late.every(({ servedBy }) => servedBy !== node),
        'nginx still sent the node requests after three seconds',
      )
    } finally {
      await stack.docker('network', 'connect', '--alias', node, network, stack.container(node))
    }
    await expectReadySoon(stack, watch, node)
  },
}

async function expectAliveButNotReady(stack: Stack, watch: Watch, node: string): Promise<void> {
  const [alive, ready] = [await stack.probe(node, '/livez'), await stack.probe(node, '/readyz')]
  watch.expect(alive.status === 200, `the node is not alive: /livez is ${alive.status}`)
  watch.expect(ready.status === 503, `the node reports that it is ready: /readyz is ${ready.status}`)
}

/** The node must be ready within three seconds and then get requests: nginx retries a failed node every three seconds. */
async function expectReadySoon(stack: Stack, watch: Watch, node: string): Promise<void> {
  const mendedMs = watch.now()
  await until('the node is ready', async () => (await stack.probe(node, '/readyz')).status === 200)
  watch.expectWithin(watch.now() - mendedMs, 3_000, 'becoming ready again')
  await until('the node serves again', () => watch.recorder.hasServed(node, mendedMs))
}

const noConnections: Fault = {
  name: 'no-connections',
  title: 'A node is restarted while Redis is at maxclients',
  tolerated: NONE,
  slowestMs: 2_000,
  recoverMs: 3_000,
  seconds: 14,
  async happen(stack, watch) {
    const node = await victimOf(stack)
    const redis = stack.holdRedis()
    const [, maxclients = '10000'] = (await stack.redis('--raw', 'CONFIG', 'GET', 'maxclients')).trim().split('\n')
    await redis.send('CONFIG', 'SET', 'maxclients', '1')
    try {
      await stack.docker('restart', stack.container(node))
      await until(
        'the node is alive',
        async () => (await stack.probe(node, '/livez').catch(() => undefined))?.status === 200,
      )
      await expectAliveButNotReady(stack, watch, node)
    } finally {
      await redis.send('CONFIG', 'SET', 'maxclients', maxclients)
      await redis.close()
    }
    await expectReadySoon(stack, watch, node)
  },
}

export const nodeFaults = [killNode, rolling, pauseNode, blockNode, cutNode, noConnections]
