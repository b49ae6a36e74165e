// Changes that an operator makes to the running stack.
import { setTimeout as sleep } from 'node:timers/promises'
import { succeed } from '../support/command.ts'
import { until } from '../support/until.ts'
import type { Fault } from './fault.ts'

const NONE = { get: [], post: [] }
/** No response while no process listens, and any error while the services start. */
const DOWN = { get: [0, 502, 503, 504], post: [0, 502, 503, 504] }
const QUICK_MS = 2_000
/** Without k6, because its container belongs to the same project. */
const RESTART = { tolerated: DOWN, slowestMs: 6_000, recoverMs: 20_000, seconds: 0 }

const reloadNginx: Fault = {
  name: 'reload-nginx',
  title: 'nginx reloads its configuration three times',
  tolerated: NONE,
  slowestMs: QUICK_MS,
  recoverMs: 3_000,
  seconds: 5,
  async happen(stack) {
    for (let time = 0; time < 3; time++) {
      await stack.exec('nginx-1', 'nginx', '-s', 'reload')
      await sleep(1_000)
    }
  },
}

const scale: Fault = {
  name: 'scale',
  title: 'Three nodes become five, then two',
  tolerated: NONE,
  slowestMs: QUICK_MS,
  recoverMs: 10_000,
  seconds: 20,
  async happen(stack, watch) {
    const usual = (await stack.nodes()).length
    const nginx = () => stack.docker('inspect', '--format', '{{.State.StartedAt}}', stack.container('nginx-1'))
    const startedAt = await nginx()
    await succeed('deploy/scale', ['5'])
    // It exits when the new nodes receive requests.
    const fromMs = watch.now()
    for (const node of ['app-4', 'app-5'])
      await until(`${node} serves`, () => watch.recorder.hasServed(node, fromMs), 2_000)
    await succeed('deploy/scale', ['2'])
    await succeed('deploy/scale', [String(usual)])
    watch.mended()
    watch.expect((await nginx()) === startedAt, 'nginx was restarted')
  },
}

const restartAll: Fault = {
  name: 'restart-all',
  title: 'The whole stack is restarted',
  ...RESTART,
  async happen(stack) {
    await stack.compose('restart')
  },
}

const downAndUp: Fault = {
  name: 'down-and-up',
  title: 'The whole stack is removed and recreated',
  ...RESTART,
  async happen(_stack, watch) {
    await succeed('deploy/down', [])
    // The time between down and up is not part of the fault.
    watch.mended()
    await succeed('deploy/up', [])
  },
}

export const stackChanges = [reloadNginx, scale, restartAll, downAndUp]
