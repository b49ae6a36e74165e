import type { Fault, Outcome } from './fault.ts'
import type { K6Saw } from './k6-load.ts'
import { isRight, type Operation, type Violation } from './recorder.ts'

/** What there is to judge a fault by. */
export interface Seen {
  operations: readonly Operation[]
  violations: readonly Violation[]
  k6: K6Saw
  startedMs: number
  recoverMs: number | undefined
  /** What the fault itself had to object to. */
  missed: readonly string[]
}

/** How many broken promises are told in full. The first ones show what it is about. */
const TOLD = 3

/** Whether a fault was survived: every promise kept, no answer that it is no excuse for, and all within the bounds. */
export function judge(fault: Fault, { operations, violations, k6, startedMs, recoverMs, missed }: Seen): Outcome {
  const answers: Record<string, number> = { ...k6.answers }
  for (const { status } of operations) answers[status] = (answers[status] ?? 0) + 1
  const slowestMs = Math.max(k6.slowestMs, ...operations.map(({ tookMs }) => tookMs))
  const byK6 = Object.entries(k6.answers).map(
    ([status, times]): Counted => ({ kind: 'ask', status: Number(status), times }),
  )
  const reasons = [
    ...missed,
    ...violations.slice(0, TOLD).map((violation) => describe(violation, startedMs)),
    ...(violations.length > TOLD ? [`and ${violations.length - TOLD} more of that kind`] : []),
    ...untolerated([...counted(operations), ...byK6], fault),
    ...k6.missed,
  ]
  if (slowestMs > fault.slowestMs) reasons.push(`an answer took ${slowestMs.toFixed(0)} ms`)
  if (recoverMs === undefined) reasons.push('the stack did not recover')
  else if (recoverMs > fault.recoverMs) reasons.push(`it took ${recoverMs.toFixed(0)} ms to recover`)
  const lost = violations.filter(({ what }) => what === 'lost').length + k6.lost
  return { ...nothingSeen(fault), answers, slowestMs, lost, recoverMs, missed: reasons }
}

export const nothingSeen = ({ name, title, slowestMs, recoverMs }: Fault) => ({
  ...{ name, title, answers: {}, slowestMs: 0, boundSlowestMs: slowestMs },
  ...{ lost: 0, recoverMs: undefined, boundRecoverMs: recoverMs },
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
