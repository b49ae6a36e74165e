// Redis is killed while nodes replace tokens: a rotation that it forgets leaves a browser with a token that nobody knows.
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../app/test/lib/until.ts'
import type { Fault } from './fault.ts'
import { AWAY, WITHIN_A_SECOND } from './redis-fails.ts'
import { remakeNodes } from './remake.ts'

const ROTATING = { SESSION_ROTATE: '2', SESSION_ROTATE_GRACE: '2' }
const KILLS = 3
const ROTATION_MS = 2_000
/** A session whose token is so old can be claimed: it is past the last second, and not due again before Redis is dead. */
const CLAIMED_AGE_MS = { least: 1_050, most: 1_350 }
/** After a kill that takes longer than this, the token of that session may have been due. */
const KILL_MS = 450

export const killRedisWhileRotating: Fault = {
  name: 'kill-redis-while-rotating',
  title: 'Redis is killed three times while tokens rotate',
  tolerated: AWAY,
  slowestMs: WITHIN_A_SECOND,
  recoverMs: 5_000,
  // k6 would count every forgotten rotation as a loss, also those of the last second.
  seconds: 0,
  prepare: (stack) => remakeNodes(stack, ROTATING),
  restore: (stack) => remakeNodes(stack),
  async happen(stack, watch) {
    const { recorder } = watch
    const rotations = () => recorder.actions.filter(({ what }) => what === 'rotated').length
    let claimed = 0
    let slowestKillMs = 0
    for (let time = 0; time < KILLS; time++) {
      const rotated = rotations()
      await until('tokens rotate', () => rotations() >= rotated + 3)
      await sleep(Math.random() * ROTATION_MS)
      await until('a session can be claimed', () =>
        recorder.inState('living').some(({ changedMs }) => {
          const ageMs = watch.now() - changedMs
          return ageMs > CLAIMED_AGE_MS.least && ageMs < CLAIMED_AGE_MS.most
        }),
      )
      const fromMs = watch.now()
      claimed += await recorder.whileRedisDies(() => stack.kill('redis-1'))
      const killedMs = watch.now()
      slowestKillMs = Math.max(slowestKillMs, killedMs - fromMs)
      watch.mended()
      await until('a login succeeds again', () =>
        recorder.operations.some(
          ({ kind, status, startedMs }) => kind === 'login' && status === 200 && startedMs > killedMs,
        ),
      )
    }
    watch.expect(claimed > 0 || slowestKillMs > KILL_MS, 'no session could be claimed')
    if (claimed === 0) watch.expectWithin(slowestKillMs, KILL_MS, 'no session could be claimed: a kill')
  },
}
