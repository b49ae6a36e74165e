import type { FaultLimits, Late, Outcome } from './fault.ts'
import { isRight, type Operation, type StackAction, type Violation } from './history.ts'
import type { K6Saw } from './k6-load.ts'
import { type MachineDelays, tooSlowFor } from './machine.ts'

/** The observations by which a fault is judged. */
export interface Seen {
  operations: readonly Operation[]
  violations: readonly Violation[]
  k6: K6Saw
  startedMs: number
  recoverMs: number | undefined
  /** Failures that the fault itself reported. */
  missed: readonly string[]
  /** Time limits of its own that the fault reported as exceeded. */
  late: readonly Late[]
  actions: readonly StackAction[]
  machine: MachineDelays
}

/** Statuses that report a timeout, with its length: REDIS_DEADLINE_MS, and nginx's proxy_read_timeout. */
const TIMEOUTS: Record<number, number> = { 503: 500, 504: 4_000 }

/** The number of broken guarantees that the report describes in full. */
const TOLD = 3

/**
 * Judges whether the stack survived a fault: every guarantee holds, every error is tolerated, and all times are within
 * their limits. An exceeded time limit is a failure only if the machine is fast enough to judge it.
 */
export function judge(fault: FaultLimits, seen: Seen): Outcome {
  const { operations, violations, actions, k6, startedMs, recoverMs, machine } = seen
  const answers: Record<string, number> = { ...k6.answers }
  for (const { status } of operations) answers[status] = (answers[status] ?? 0) + 1
  const slowestMs = Math.max(k6.slowestMs, ...operations.map(({ tookMs }) => tookMs))
  const byK6 = Object.entries(k6.answers).map(
    ([status, times]): Counted => ({ kind: 'ask', status: Number(status), times }),
  )
  const wrong = untolerated([...counted(operations), ...byK6], fault)
  const { failures, tooSlow } = byMachine(
    [
      ...seen.late,
      ...wrong.flatMap(({ late }) => late ?? []),
      ...missedBounds(fault, slowestMs, recoverMs, operations),
    ],
    machine,
  )
  const missed = [
    ...seen.missed,
    ...violations.slice(0, TOLD).map((violation) => describe(violation, startedMs)),
    ...(violations.length > TOLD ? [`and ${violations.length - TOLD} more`] : []),
    ...wrong.flatMap(({ late, what }) => (late ? [] : [what])),
    ...k6.missed,
    ...failures,
  ]
  const count = (...kinds: Violation['what'][]) => violations.filter(({ what }) => kinds.includes(what)).length
  const lost = count('lost', 'lost by rotation') + k6.lost
  const losses = { logins: count('lost'), byRotation: count('lost by rotation'), returned: count('returned') }
  const byStack: Record<string, number> = {}
  for (const { what } of actions) byStack[what] = (byStack[what] ?? 0) + 1
  const downMs = timeWithoutService(operations)
  return { ...nothingSeen(fault), answers, slowestMs, lost, losses, downMs, recoverMs, missed, tooSlow, byStack }
}

/** Separates the failures of the stack from those that may be due to a slow machine. */
export function byMachine(late: readonly Late[], machine: MachineDelays) {
  const failures: string[] = []
  const tooSlow: string[] = []
  for (const { what, boundMs } of late) {
    const reason = tooSlowFor(boundMs, machine)
    if (reason === undefined) failures.push(what)
    else tooSlow.push(`${what}; but ${reason}`)
  }
  return { failures, tooSlow }
}

function missedBounds(
  fault: FaultLimits,
  slowestMs: number,
  recoverMs: number | undefined,
  operations: readonly Operation[],
): Late[] {
  const late: Late[] = []
  if (slowestMs > fault.slowestMs) {
    const one = operations.find(({ tookMs }) => tookMs === slowestMs)
    const which = one ? ` (${one.kind}: ${one.status || 'no response'} from ${one.servedBy || 'nobody'})` : ''
    late.push({ what: `a response took ${slowestMs.toFixed(0)} ms${which}`, boundMs: fault.slowestMs })
  }
  if (recoverMs === undefined) late.push({ what: 'the stack did not recover', boundMs: patienceMs(fault) })
  else if (recoverMs > fault.recoverMs)
    late.push({ what: `the stack took ${recoverMs.toFixed(0)} ms to recover`, boundMs: fault.recoverMs })
  return late
}

/** How long the drill waits for a stack to recover. */
export const patienceMs = ({ recoverMs }: Pick<FaultLimits, 'recoverMs'>) => 2 * recoverMs + 10_000

export const nothingSeen = ({ name, title, slowestMs, recoverMs }: FaultLimits) => ({
  ...{ name, title, answers: {}, slowestMs: 0, boundSlowestMs: slowestMs },
  ...{ lost: 0, losses: { logins: 0, byRotation: 0, returned: 0 }, downMs: 0 },
  ...{ recoverMs: undefined, boundRecoverMs: recoverMs },
  ...{ missed: [], tooSlow: [], byStack: {} },
})

/** From the start of the first wrong response to the end of the last one. Responses in between may be right. */
function timeWithoutService(operations: readonly Operation[]): number {
  const wrong = operations.filter((operation) => !isRight(operation))
  if (wrong.length === 0) return 0
  const endedMs = wrong.map(({ startedMs, tookMs }) => startedMs + tookMs)
  return Math.max(...endedMs) - Math.min(...wrong.map(({ startedMs }) => startedMs))
}

const describe = ({ what, detail, atMs }: Violation, startedMs: number) =>
  `${what}: ${detail}, ${((atMs - startedMs) / 1000).toFixed(1)} s after the start`

/** When every node had served correctly and the last wrong response had arrived. Undefined if not all nodes have yet. */
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

interface Wrong {
  what: string
  /** Set if the status itself reports a timeout. */
  late?: Late
}

/** Wrong responses that this fault does not tolerate. */
function untolerated(answers: readonly Counted[], { tolerated }: FaultLimits): Wrong[] {
  return answers.flatMap((answer) => {
    const { kind, status, times, error } = answer
    const isPost = kind === 'login' || kind === 'logout' || kind === 'revoke'
    if (isRight(answer) || tolerated[isPost ? 'post' : 'get'].includes(status)) return []
    const got = status === 0 ? `no response (${error})` : status
    const what = `${isPost ? `POST (${kind})` : 'GET'} got ${got}, ${times} times`
    const boundMs = TIMEOUTS[status]
    return [{ what, ...(boundMs !== undefined && { late: { what, boundMs } }) }]
  })
}
