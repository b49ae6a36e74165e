// Redis is killed while nodes replace tokens. If it loses a rotation, a browser has a token that no node knows.
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../support/until.ts'
import type { Fault } from './fault.ts'
import { AWAY, WITHIN_A_SECOND } from './redis-fails.ts'
import { remakeNodes } from './remake.ts'

const ROTATING = { SESSION_ROTATE: '2', SESSION_ROTATE_GRACE: '2' }
const KILLS = 3
const ROTATION_MS = 2_000
/** A session with a token of this age can be checked: its rotation is older than a second, and the next is not due yet. */
const CLAIMED_AGE_MS = { least: 1_050, most: 1_350 }
/** After a slower kill, that session's next rotation may have been due. */
const KILL_MS = 450

export const killRedisWhileRotating: Fault = {
  name: 'kill-redis-while-rotating',
  title: 'Redis is killed three times while tokens rotate',
  tolerated: AWAY,
  slowestMs: WITHIN_A_SECOND,
  recoverMs: 5_000,
  // k6 would count every lost rotation as a lost session, also those of the last second.
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
      await until('a session can be checked', () =>
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
    watch.expect(claimed > 0 || slowestKillMs > KILL_MS, 'no session could be checked')
    if (claimed === 0) watch.expectWithin(slowestKillMs, KILL_MS, 'no session could be checked: the kill')
  },
}
