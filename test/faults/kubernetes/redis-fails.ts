// The faults of Redis.
import { until } from '../../support/until.ts'
import type { Fault } from '../fault.ts'
import type { KubernetesStack } from './stack.ts'

/** Redis does not reply. */
const AWAY = { get: [503], post: [503] }

export const killRedis: Fault<KubernetesStack> = {
  name: 'kill-redis',
  title: 'The process of Redis crashes',
  tolerated: AWAY,
  slowestMs: 1_500,
  recoverMs: 15_000,
  seconds: 15,
  async happen(stack, watch) {
    const [before] = await stack.pods('redis')
    // SIGKILL does not reach the process with the number 1 of a container from inside of it.
    await watch.recorder.whileRedisDies(() => stack.exec('redis-0', 'sh', '-c', 'kill -SEGV 1').catch(() => {}))
    watch.mended()
    await until('Kubernetes has restarted Redis', async () => {
      const [pod] = await stack.pods('redis')
      return pod?.isReady && pod.restarts > (before?.restarts ?? 0)
    })
    const page = await fetch(stack.url)
    watch.expect(page.status === 200, `the page got status ${page.status}`)
  },
}

const moveRedis: Fault<KubernetesStack> = {
  name: 'move-redis',
  title: 'Redis moves to another machine with its volume',
  tolerated: AWAY,
  slowestMs: 1_500,
  recoverMs: 10_000,
  seconds: 30,
  async happen(stack, watch) {
    const [before] = await stack.pods('redis')
    const machine = before?.machine ?? ''
    await stack.kubectl('cordon', machine)
    try {
      await watch.recorder.whileRedisDies(() => stack.kubectl('delete', 'pod', 'redis-0'))
      const [after] = await stack.untilReady('redis', 1)
      watch.expect(after?.machine !== machine, 'Redis did not move')
      watch.mended()
    } finally {
      await stack.kubectl('uncordon', machine)
    }
  },
}

export const redisFaults = [killRedis, moveRedis]
