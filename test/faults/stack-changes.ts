// What whoever runs the stack does to it while it is in use.
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../app/test/lib/until.ts'
import { succeed } from '../lib/command.ts'
import type { Fault } from './fault.ts'

const NONE = { get: [], post: [] }
/** While nothing listens there is no answer, and while things start, whatever the first of them say. */
const DOWN = { get: [0, 502, 503, 504], post: [0, 502, 503, 504] }
const QUICK_MS = 2_000
/** Without k6, whose container is of the same project. */
const RESTART = { tolerated: DOWN, slowestMs: 6_000, recoverMs: 20_000, seconds: 0 }

const reloadNginx: Fault = {
  name: 'reload-nginx',
  title: 'nginx reads its configuration anew, three times',
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
    // It says that it is done when the new nodes take their turns.
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
  title: 'The whole stack is removed and made anew',
  ...RESTART,
  async happen(_stack, watch) {
    await succeed('deploy/down', [])
    // How long somebody leaves it down is theirs to say.
    watch.mended()
    await succeed('deploy/up', [])
  },
}

export const stackChanges = [reloadNginx, scale, restartAll, downAndUp]
