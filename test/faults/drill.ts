import { until } from '../../app/test/lib/until.ts'
import { command } from '../lib/command.ts'
import { secretsSeen } from '../lib/visitor.ts'
import type { Fault, Outcome, Watch } from './fault.ts'
import { startK6 } from './k6-load.ts'
import { ACCOUNTS, startLoad } from './load.ts'
import { createRecorder, isRight, type Operation, type Recorder } from './recorder.ts'
import type { Stack } from './stack.ts'

/** How long everything has to go well before the stack counts as recovered. */
const QUIET_MS = 1_000

/** Lets people use the stack while `work` is done, and leaves no session of theirs behind. */
export async function underLoad<T>(stack: Stack, work: (recorder: Recorder) => Promise<T>): Promise<T> {
  const recorder = createRecorder(stack.url)
  await recorder.leaveNothing(ACCOUNTS)
  const load = startLoad(recorder)
  try {
    await until('sessions come and go', () => recorder.inState('ended').length > 1, 20_000)
    return await work(recorder)
  } finally {
    await load.stop()
    await recorder.leaveNothing(ACCOUNTS)
  }
}

/** One fault from beginning to end. Whatever it needed is undone afterwards, also if it could not be carried out. */
export async function tryOut(stack: Stack, fault: Fault): Promise<Outcome> {
  const startedAt = new Date()
  try {
    await fault.prepare?.(stack)
    const outcome = await underLoad(stack, (recorder) => drill(stack, fault, recorder))
    return { ...outcome, missed: [...outcome.missed, ...(await secretsInLogs(stack, startedAt))] }
  } catch (error) {
    return {
      ...nothingSeen(fault),
      missed: [`it could not be carried out: ${error instanceof Error ? error.message : error}`],
    }
  } finally {
    await fault.restore?.(stack)
  }
}

const nothingSeen = ({ name, title, slowestMs, recoverMs }: Fault) => ({
  ...{ name, title, answers: {}, slowestMs: 0, boundSlowestMs: slowestMs },
  ...{ lost: 0, recoverMs: undefined, boundRecoverMs: recoverMs },
})

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
export async function drill(stack: Stack, fault: Fault, recorder: Recorder): Promise<Outcome> {
  const { now, operations, violations } = recorder
  const missed: string[] = []
  const k6 = await startK6(fault.seconds)
  const [firstOperation, firstViolation] = [operations.length, violations.length]
  const startedMs = now()
  let mendedMs = startedMs
  const during = () => operations.slice(firstOperation)
  const watch: Watch = {
    recorder,
    now,
    mended: () => {
      mendedMs = now()
    },
    expect: (isSo, otherwise) => {
      if (!isSo) missed.push(otherwise)
    },
  }
  // What cannot be carried out to its end is not survived, and the other faults still have their turn.
  await fault.happen(stack, watch).catch((error: Error) => missed.push(error.message))
  const nodes = await stack.nodes()
  const recoverMs = await recovery()
  const k6Saw = await k6.finished
  // One by one, whatever the load has not asked for by chance.
  await recorder.askForAll()

  /** Undefined if it takes longer than anybody should wait. */
  async function recovery(): Promise<number | undefined> {
    const found = await until(
      'every node serves, and nothing goes wrong',
      () => {
        const recoveredMs = recoveredAt(during(), nodes, mendedMs)
        return recoveredMs !== undefined && now() - recoveredMs > QUIET_MS ? { recoveredMs } : undefined
      },
      2 * fault.recoverMs + 10_000,
    ).catch(() => undefined)
    return found === undefined ? undefined : found.recoveredMs - mendedMs
  }

  const answers: Record<string, number> = { ...k6Saw.answers }
  for (const { status } of during()) answers[status] = (answers[status] ?? 0) + 1
  const slowestMs = Math.max(k6Saw.slowestMs, ...during().map(({ tookMs }) => tookMs))
  const broken = violations.slice(firstViolation)
  const count = (kind: string) => broken.filter(({ what }) => what === kind).length
  for (const { what, detail, atMs } of broken.slice(0, 3))
    missed.push(`${what}: ${detail}, ${((atMs - startedMs) / 1000).toFixed(1)} s after the beginning`)
  if (broken.length > 3) missed.push(`and ${broken.length - 3} more of that kind`)
  const byK6 = Object.entries(k6Saw.answers).map(([status, times]) => ({
    kind: 'ask' as const,
    status: Number(status),
    times,
  }))
  missed.push(...untolerated(counted(during()).concat(byK6), fault), ...k6Saw.missed)
  if (slowestMs > fault.slowestMs) missed.push(`an answer took ${slowestMs.toFixed(0)} ms`)
  if (recoverMs === undefined) missed.push('the stack did not recover')
  else if (recoverMs > fault.recoverMs) missed.push(`it took ${recoverMs.toFixed(0)} ms to recover`)
  return { ...nothingSeen(fault), answers, slowestMs, lost: count('lost') + k6Saw.lost, recoverMs, missed }
}

/** When every one of the nodes had served rightly and the last wrong answer had come; undefined if not all have yet. */
export function recoveredAt(operations: readonly Operation[], nodes: readonly string[], sinceMs: number) {
  const answeredMs = ({ startedMs, tookMs }: Operation) => startedMs + tookMs
  const firsts = nodes.map((node) =>
    operations.find((operation) => operation.servedBy === node && operation.startedMs >= sinceMs && isRight(operation)),
  )
  if (firsts.includes(undefined)) return undefined
  const turningPoints = [...firsts, operations.findLast((operation) => !isRight(operation))]
  return Math.max(sinceMs, ...turningPoints.map((operation) => (operation ? answeredMs(operation) : 0)))
}

interface Counted extends Pick<Operation, 'kind' | 'status' | 'error'> {
  times: number
}

function counted(operations: readonly Operation[]): Counted[] {
  const counts = new Map<string, Counted>()
  for (const { kind, status, error } of operations) {
    const key = `${kind} ${status} ${error}`
    counts.set(key, { kind, status, ...(error && { error }), times: (counts.get(key)?.times ?? 0) + 1 })
  }
  return [...counts.values()]
}

/** Wrong answers that this fault is no excuse for. */
function untolerated(answers: readonly Counted[], { tolerated }: Fault): string[] {
  return answers.flatMap((answer) => {
    const { kind, status, times, error } = answer
    const isPost = kind === 'login' || kind === 'logout'
    if (isRight(answer) || tolerated[isPost ? 'post' : 'get'].includes(status)) return []
    const what = status === 0 ? `no answer (${error})` : status
    return [`${isPost ? `POST (${kind})` : 'GET'} got ${what}, ${times} times`]
  })
}
