import { patienceMsOf, until } from '../support/until.ts'
import { secretsSeen } from '../support/visitor.ts'
import type { Fault, Late, Outcome, Watch } from './fault.ts'
import { byMachine, judge, nothingSeen, patienceMs, recoveredAt } from './judge.ts'
import { startK6 } from './k6-load.ts'
import { accountsOfRun, startLoad } from './load.ts'
import { type MachineWatch, watchMachine } from './machine.ts'
import { createRecorder, type Recorder } from './recorder.ts'
import type { RunningStack } from './running-stack.ts'

/** How long all requests must succeed before the stack counts as recovered. */
const QUIET_MS = 1_000

/** Runs the load during `work` and logs out all of its sessions afterwards. */
export async function underLoad<T>(stack: RunningStack, work: (recorder: Recorder) => Promise<T>): Promise<T> {
  const accounts = accountsOfRun()
  const recorder = createRecorder(stack.url, { rotation: await stack.rotation() })
  await recorder.leaveNothing(accounts)
  // With replicas a revocation is as much at risk as a logout.
  const load = startLoad(recorder, { revokes: await stack.hasReplicas() })
  try {
    await until('sessions are created and ended', () => recorder.inState('ended').length > 1)
    return await work(recorder)
  } finally {
    await load.stop()
    await recorder.leaveNothing(accounts)
  }
}

/** Runs one fault from preparation to cleanup. The cleanup also runs if the fault fails to run. */
export async function tryOut<S extends RunningStack>(stack: S, fault: Fault<S>): Promise<Outcome> {
  const startedAt = new Date()
  const machine = watchMachine(stack)
  try {
    await fault.prepare?.(stack)
    const outcome = await underLoad(stack, (recorder) => drill(stack, fault, recorder, machine))
    return { ...outcome, missed: [...outcome.missed, ...(await secretsInLogs(stack, startedAt))] }
  } catch (error) {
    const { missed, late } = asReason(error, 'the fault failed to run: ')
    const { failures, tooSlow } = byMachine(late, machine.delays())
    return { ...nothingSeen(fault), missed: [...missed, ...failures], tooSlow }
  } finally {
    await machine.stop()
    await fault.restore?.(stack)
  }
}

/** A wait that timed out counts as an exceeded time limit. */
function asReason(error: unknown, before = ''): { missed: string[]; late: Late[] } {
  const what = `${before}${error instanceof Error ? error.message : error}`
  const boundMs = patienceMsOf(error)
  return boundMs === undefined ? { missed: [what], late: [] } : { missed: [], late: [{ what, boundMs }] }
}

/** No log may contain a token or a password of this run, whatever failed. */
async function secretsInLogs(stack: RunningStack, since: Date): Promise<string[]> {
  const logs = await stack.logs(since)
  const isUnreadable = logs.includes(undefined)
  const isThere = [...secretsSeen].some((secret) => logs.some((text) => text?.includes(secret)))
  return [
    ...(isUnreadable ? ['a log cannot be read'] : []),
    ...(isThere ? ['a log contains a token or a password'] : []),
  ]
}

/** Runs one fault under load. Returns what users saw and whether it was within the limits. */
export async function drill<S extends RunningStack>(
  stack: S,
  fault: Fault<S>,
  recorder: Recorder,
  machine: MachineWatch,
): Promise<Outcome> {
  const { now, operations, violations, actions } = recorder
  const firstLate = recorder.late.length
  const missed: string[] = []
  const late: Late[] = []
  const k6 = await startK6(fault.seconds)
  const [firstOperation, firstViolation, firstAction] = [operations.length, violations.length, actions.length]
  const startedMs = now()
  let mendedMs = startedMs
  const watch: Watch = {
    recorder,
    now,
    mended: () => {
      mendedMs = now()
    },
    expect: (isSo, otherwise) => {
      if (!isSo) missed.push(otherwise)
    },
    expectWithin: (tookMs, boundMs, what) => {
      if (tookMs > boundMs) late.push({ what: `${what} took ${tookMs.toFixed(0)} ms`, boundMs })
    },
  }
  // A fault that fails to run is not survived. The other faults still run.
  await fault.happen(stack, watch).catch((error: unknown) => {
    const reason = asReason(error)
    missed.push(...reason.missed)
    late.push(...reason.late)
  })
  const nodes = await stack.nodes()
  const recoverMs = await recovery({ recorder, firstOperation, nodes, mendedMs, longestMs: patienceMs(fault) })
  const k6Saw = await k6.finished
  // Waits for all responses. Then checks each session that the load has not requested.
  await recorder.settled()
  await recorder.askForAll()
  return judge(fault, {
    operations: operations.slice(firstOperation),
    violations: violations.slice(firstViolation),
    actions: actions.slice(firstAction),
    k6: k6Saw,
    startedMs,
    recoverMs,
    missed,
    late: [...late, ...recorder.late.slice(firstLate)],
    machine: machine.delays(),
  })
}

interface Recovering {
  recorder: Recorder
  firstOperation: number
  nodes: readonly string[]
  mendedMs: number
  longestMs: number
}

/** Undefined if the recovery exceeds the patience. */
async function recovery({ recorder, firstOperation, nodes, mendedMs, longestMs }: Recovering) {
  const { now, operations } = recorder
  const isRecovered = () => {
    const recoveredMs = recoveredAt(operations.slice(firstOperation), nodes, mendedMs)
    return recoveredMs !== undefined && now() - recoveredMs > QUIET_MS ? { recoveredMs } : undefined
  }
  const found = await until('every node serves without errors', isRecovered, longestMs).catch(() => undefined)
  return found === undefined ? undefined : found.recoveredMs - mendedMs
}
