import { patienceMsOf, until } from '../../app/test/lib/until.ts'
import { command } from '../lib/command.ts'
import { secretsSeen } from '../lib/visitor.ts'
import type { Fault, Late, Outcome, Watch } from './fault.ts'
import { byMachine, judge, nothingSeen, patienceMs, recoveredAt } from './judge.ts'
import { startK6 } from './k6-load.ts'
import { accountsOfRun, startLoad } from './load.ts'
import { type MachineWatch, watchMachine } from './machine.ts'
import { createRecorder, type Recorder } from './recorder.ts'
import type { Stack } from './stack.ts'

/** How long everything has to go well before the stack counts as recovered. */
const QUIET_MS = 1_000

/** Lets people use the stack while `work` is done, and leaves no session of theirs behind. */
export async function underLoad<T>(stack: Stack, work: (recorder: Recorder) => Promise<T>): Promise<T> {
  const accounts = accountsOfRun()
  const recorder = createRecorder(stack.url, { rotation: await stack.rotation() })
  await recorder.leaveNothing(accounts)
  const load = startLoad(recorder)
  try {
    await until('sessions come and go', () => recorder.inState('ended').length > 1, 20_000)
    return await work(recorder)
  } finally {
    await load.stop()
    await recorder.leaveNothing(accounts)
  }
}

/** One fault from beginning to end. Whatever it needed is undone afterwards, also if it could not be carried out. */
export async function tryOut(stack: Stack, fault: Fault): Promise<Outcome> {
  const startedAt = new Date()
  const machine = watchMachine(stack)
  try {
    await fault.prepare?.(stack)
    const outcome = await underLoad(stack, (recorder) => drill(stack, fault, recorder, machine))
    return { ...outcome, missed: [...outcome.missed, ...(await secretsInLogs(stack, startedAt))] }
  } catch (error) {
    const { missed, late } = asReason(error, 'it could not be carried out: ')
    const { failures, tooSlow } = byMachine(late, machine.delays())
    return { ...nothingSeen(fault), missed: [...missed, ...failures], tooSlow }
  } finally {
    await machine.stop()
    await fault.restore?.(stack)
  }
}

/** What was waited for in vain is a bound on a time that was missed. */
function asReason(error: unknown, before = ''): { missed: string[]; late: Late[] } {
  const what = `${before}${error instanceof Error ? error.message : error}`
  const boundMs = patienceMsOf(error)
  return boundMs === undefined ? { missed: [what], late: [] } : { missed: [], late: [{ what, boundMs }] }
}

/** No token and no password of this run may be in any log, whatever went wrong. */
async function secretsInLogs(stack: Stack, since: Date): Promise<string[]> {
  const containers = (await stack.compose('ps', '--format', '{{.Name}}')).trim().split('\n')
  const logs = await Promise.all(
    containers.map((name) => command('docker', ['logs', '--since', since.toISOString(), name])),
  )
  const isUnreadable = logs.some(({ code }) => code !== 0)
  const isThere = [...secretsSeen].some((secret) => logs.some(({ output }) => output.includes(secret)))
  return [...(isUnreadable ? ['a log cannot be read'] : []), ...(isThere ? ['a token or a password is in a log'] : [])]
}

/** Lets one fault happen under the load that there is, and says what its users saw and whether that was in bounds. */
export async function drill(stack: Stack, fault: Fault, recorder: Recorder, machine: MachineWatch): Promise<Outcome> {
  const { now, operations, violations, actions } = recorder
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
  // What cannot be carried out to its end is not survived, and the other faults still have their turn.
  await fault.happen(stack, watch).catch((error: unknown) => {
    const reason = asReason(error)
    missed.push(...reason.missed)
    late.push(...reason.late)
  })
  const nodes = await stack.nodes()
  const recoverMs = await recovery()
  const k6Saw = await k6.finished
  // Nobody is left waiting, however long it takes. And then one by one, whatever the load has not asked for by chance.
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
    late,
    machine: machine.delays(),
  })

  /** Undefined if it takes longer than anybody should wait. */
  async function recovery(): Promise<number | undefined> {
    const isRecovered = () => {
      const recoveredMs = recoveredAt(operations.slice(firstOperation), nodes, mendedMs)
      return recoveredMs !== undefined && now() - recoveredMs > QUIET_MS ? { recoveredMs } : undefined
    }
    const found = await until('every node serves, and nothing goes wrong', isRecovered, patienceMs(fault)).catch(
      () => undefined,
    )
    return found === undefined ? undefined : found.recoveredMs - mendedMs
  }
}
