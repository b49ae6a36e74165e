import type { Fault, Late, Outcome } from './fault.ts'
import { isRight, type Operation, type StackAction, type Violation } from './history.ts'
import type { K6Saw } from './k6-load.ts'
import { type MachineDelays, tooSlowFor } from './machine.ts'

/** What there is to judge a fault by. */
export interface Seen {
  operations: readonly Operation[]
  violations: readonly Violation[]
  k6: K6Saw
  startedMs: number
  recoverMs: number | undefined
  /** What the fault itself had to object to. */
  missed: readonly string[]
  /** And what took too long, by its own bounds. */
  late: readonly Late[]
  actions: readonly StackAction[]
  machine: MachineDelays
}

/** Answers that say that something took too long, and how long that is: REDIS_DEADLINE_MS, and nginx's proxy_read_timeout. */
const TIMEOUTS: Record<number, number> = { 503: 500, 504: 4_000 }

/** How many broken promises are told in full. The first ones show what it is about. */
const TOLD = 3

/**
 * Whether a fault was survived: every promise kept, no answer that it is no excuse for, and all within the bounds. A bound
 * on a time that was missed is held against the stack only if the machine is fast enough for it by itself.
 */
export function judge(fault: Fault, seen: Seen): Outcome {
  const { operations, violations, actions, k6, startedMs, recoverMs, machine } = seen
  const answers: Record<string, number> = { ...k6.answers }
  for (const { status } of operations) answers[status] = (answers[status] ?? 0) + 1
  const slowestMs = Math.max(k6.slowestMs, ...operations.map(({ tookMs }) => tookMs))
  const byK6 = Object.entries(k6.answers).map(
    ([status, times]): Counted => ({ kind: 'ask', status: Number(status), times }),
  )
  const wrong = untolerated([...counted(operations), ...byK6], fault)
  const { failures, tooSlow } = byMachine(
    [...seen.late, ...wrong.flatMap(({ late }) => late ?? []), ...missedBounds(fault, slowestMs, recoverMs)],
    machine,
  )
  const missed = [
    ...seen.missed,
    ...violations.slice(0, TOLD).map((violation) => describe(violation, startedMs)),
    ...(violations.length > TOLD ? [`and ${violations.length - TOLD} more of that kind`] : []),
    ...wrong.flatMap(({ late, what }) => (late ? [] : [what])),
    ...k6.missed,
    ...failures,
  ]
  const lost = violations.filter(({ what }) => what === 'lost').length + k6.lost
  const byStack: Record<string, number> = {}
  for (const { what } of actions) byStack[what] = (byStack[what] ?? 0) + 1
  return { ...nothingSeen(fault), answers, slowestMs, lost, recoverMs, missed, tooSlow, byStack }
}

/** What is held against the stack, and what cannot be because this machine is too slow. */
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

function missedBounds(fault: Fault, slowestMs: number, recoverMs: number | undefined): Late[] {
  const late: Late[] = []
  if (slowestMs > fault.slowestMs)
    late.push({ what: `an answer took ${slowestMs.toFixed(0)} ms`, boundMs: fault.slowestMs })
  if (recoverMs === undefined) late.push({ what: 'the stack did not recover', boundMs: patienceMs(fault) })
  else if (recoverMs > fault.recoverMs)
    late.push({ what: `it took ${recoverMs.toFixed(0)} ms to recover`, boundMs: fault.recoverMs })
  return late
}

/** How long the drill waits for a stack to recover. */
export const patienceMs = ({ recoverMs }: Pick<Fault, 'recoverMs'>) => 2 * recoverMs + 10_000

export const nothingSeen = ({ name, title, slowestMs, recoverMs }: Fault) => ({
  ...{ name, title, answers: {}, slowestMs: 0, boundSlowestMs: slowestMs },
  ...{ lost: 0, recoverMs: undefined, boundRecoverMs: recoverMs },
  ...{ missed: [], tooSlow: [], byStack: {} },
})

const describe = ({ what, detail, atMs }: Violation, startedMs: number) =>
  `${what}: ${detail}, ${((atMs - startedMs) / 1000).toFixed(1)} s after the beginning`

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

interface Wrong {
  what: string
  /** Where the status itself says that a time was exceeded. */
  late?: Late
}

/** Wrong answers that this fault is no excuse for. */
function untolerated(answers: readonly Counted[], { tolerated }: Fault): Wrong[] {
  return answers.flatMap((answer) => {
    const { kind, status, times, error } = answer
    const isPost = kind === 'login' || kind === 'logout'
    if (isRight(answer) || tolerated[isPost ? 'post' : 'get'].includes(status)) return []
    const got = status === 0 ? `no answer (${error})` : status
    const what = `${isPost ? `POST (${kind})` : 'GET'} got ${got}, ${times} times`
    const boundMs = TIMEOUTS[status]
    return [{ what, ...(boundMs !== undefined && { late: { what, boundMs } }) }]
  })
}
