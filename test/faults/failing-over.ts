import { until } from '../support/until.ts'
import type { Fault, Watch } from './fault.ts'
import { isRight } from './history.ts'
import { AWAY } from './redis-fails.ts'
import type { RunningStack } from './running-stack.ts'

/**
 * A replica takes over: three seconds until the primary counts as down, the vote and the promotion, and the time until the other
 * replica follows. On two cores that took five to seven seconds.
 */
export const PROMOTED_MS = 12_000
/** More successful requests than a drill needs. */
const ENOUGH = 30

/** Redis servers that are whole when every primary has its replicas. */
interface WholeServers {
  whole(): Promise<void>
}

/** Makes faults of a kind of stack, whose Redis servers `open` knows. `common` is what all of them need. */
export const createFailover =
  <S extends RunningStack, R extends WholeServers>(open: (stack: S) => Promise<R>, common: Partial<Fault<S>> = {}) =>
  /** A fault that can be repeated: it ends when every primary has its replicas again. */
  (
    fault: Pick<Fault<S>, 'name' | 'title'> & Partial<Fault<S>>,
    happening: (stack: S, watch: Watch, servers: R) => Promise<void>,
  ): Fault<S> => ({
    tolerated: AWAY,
    // A node answers within three seconds, whatever Redis does: app/src/middleware/request-deadline.ts
    slowestMs: 3_500,
    recoverMs: PROMOTED_MS,
    seconds: 0,
    ...common,
    ...fault,
    async happen(stack, watch) {
      const servers = await open(stack)
      await servers.whole()
      try {
        await happening(stack, watch, servers)
      } finally {
        await servers.whole()
      }
      // The sessions from before must be seen afterwards too, however slow this machine is.
      const wholeMs = watch.now()
      const right = () => watch.recorder.operations.filter((one) => isRight(one) && one.startedMs > wholeMs)
      await until('requests succeed again', () => right().length >= ENOUGH)
    },
  })

interface LoginWait {
  /** The nodes that are cut off. */
  cut?: readonly string[]
  patienceMs?: number
}

/** Waits until a node that is not cut off has acknowledged a login since. With replicas, one of them has confirmed it. */
export const loginElsewhere = ({ recorder }: Watch, sinceMs: number, { cut = [], patienceMs }: LoginWait = {}) =>
  until(
    'a login succeeds again',
    () =>
      recorder.operations.some(
        (one) => one.kind === 'login' && isRight(one) && one.startedMs > sinceMs && !cut.includes(one.servedBy),
      ),
    patienceMs,
  )
