// What can happen to a node. Which one does not matter: it is the second, if there are more.
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../app/test/lib/until.ts'
import { succeed } from '../lib/command.ts'
import type { Fault, Watch } from './fault.ts'
import { isRight } from './history.ts'
import { metric, type Stack } from './stack.ts'

const NONE = { get: [], post: [] }
/** nginx waits four seconds for an answer (proxy_read_timeout), and then asks another node. */
const PASSED_OVER_MS = 5_500

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

/** One of them is enough to see that somebody sees it: for the controls. */
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

/** The one more node of the profile `test`, which can be told to misbehave. */
export async function withFaultyNode(
  settings: Record<string, string>,
  work: (node: string) => Promise<void>,
): Promise<void> {
  const compose = (...words: string[]) => succeed('docker', ['compose', '--profile', 'test', ...words], settings)
  await compose('up', '--detach', '--wait', '--no-deps', 'faulty')
  try {
    await work('faulty-1')
  } finally {
    // Stopped first: like any node, it turns away what still comes.
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
      await until('it serves', () => watch.recorder.hasServed(node, fromMs))
      const lag = async () => metric((await stack.probe(node, '/metrics')).text, 'nodejs_eventloop_lag_max_seconds')
      // What is read is forgotten, so that the start of the process is not in the next one.
      await lag()
      const before = await lag()
      await stack.probe(node, '/faults/block/3000')
      const highest = await lag()
      watch.expectWithin(before * 1000, 1_000, 'the longest wait for the event loop before that')
      watch.expect(highest > 2.5, `the lag metric went from ${before} to ${highest} s`)
      watch.mended()
      const mendedMs = watch.now()
      await until('it serves again', () => watch.recorder.hasServed(node, mendedMs))
    })
  },
}

const cutNode: Fault = {
  name: 'cut-node',
  title: 'A node is cut off from Redis',
  tolerated: { get: [503], post: [503] },
  slowestMs: 1_500,
  recoverMs: 3_000,
  seconds: 14,
  async happen(stack, watch) {
    const node = await victimOf(stack)
    const network = `${stack.project}_data`
    await stack.docker('network', 'disconnect', network, stack.container(node))
    try {
      // By then nginx has to know.
      await sleep(3_000)
      const fromMs = watch.now()
      await sleep(5_000)
      await expectAliveButNotReady(stack, watch, node)
      const late = watch.recorder.between(fromMs, watch.now())
      const wrong = late.filter((operation) => !isRight(operation))
      watch.expect(late.length > 0 && wrong.length === 0, `${wrong.length} wrong answers after three seconds`)
      watch.expect(
        late.every(({ servedBy }) => servedBy !== node),
        'it was still in the rotation after three seconds',
      )
    } finally {
      await stack.docker('network', 'connect', '--alias', node, network, stack.container(node))
    }
    await expectReadySoon(stack, watch, node)
  },
}

async function expectAliveButNotReady(stack: Stack, watch: Watch, node: string): Promise<void> {
  const [alive, ready] = [await stack.probe(node, '/livez'), await stack.probe(node, '/readyz')]
  watch.expect(alive.status === 200, `it is not alive: /livez is ${alive.status}`)
  watch.expect(ready.status === 503, `it claims to be ready: /readyz is ${ready.status}`)
}

/** The node is ready within three seconds, and then in the rotation: nginx tries one that it left out every three seconds. */
async function expectReadySoon(stack: Stack, watch: Watch, node: string): Promise<void> {
  const mendedMs = watch.now()
  await until('it is ready', async () => (await stack.probe(node, '/readyz')).status === 200)
  watch.expectWithin(watch.now() - mendedMs, 3_000, 'being ready again')
  await until('it serves again', () => watch.recorder.hasServed(node, mendedMs))
}

const noConnections: Fault = {
  name: 'no-connections',
  title: 'A node is restarted while Redis takes no more connections',
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
      await until('it is alive', async () => (await stack.probe(node, '/livez').catch(() => undefined))?.status === 200)
      await expectAliveButNotReady(stack, watch, node)
    } finally {
      await redis.send('CONFIG', 'SET', 'maxclients', maxclients)
      await redis.close()
    }
    await expectReadySoon(stack, watch, node)
  },
}

export const nodeFaults = [killNode, rolling, pauseNode, blockNode, cutNode, noConnections]
