import type { Answer } from '../support/visitor.ts'
import type { Operation } from './history.ts'

export type OperationLog = ReturnType<typeof createOperationLog>

/** Sends requests and records the result of each one. */
export function createOperationLog(now: () => number) {
  const operations: Operation[] = []
  const underWay = new Set<Promise<unknown>>()

  return {
    operations,

    async operate(kind: Operation['kind'], send: () => Promise<Answer>) {
      const startedMs = now()
      // No response: no connection, a closed one, or a timeout.
      let failure: string | undefined
      const sent = send().catch((error: Error) => {
        if (error.name === 'AssertionError') throw error
        failure = reasonOf(error)
      })
      underWay.add(sent)
      const answer = await sent.finally(() => underWay.delete(sent))
      const { status = 0, servedBy = 'nobody' } = answer ?? {}
      const tookMs = now() - startedMs
      const error = failure === undefined ? {} : { error: failure }
      const operation: Operation = { kind, startedMs, tookMs, status, servedBy, ...error }
      operations.push(operation)
      return { operation, answer }
    },

    underWay: () => underWay.size,
    hasServed: (node: string, sinceMs: number) =>
      operations.some(({ servedBy, startedMs }) => servedBy === node && startedMs > sinceMs),
    /** The operations that started and ended in this time. */
    between: (fromMs: number, toMs: number) =>
      operations.filter(({ startedMs, tookMs }) => startedMs > fromMs && startedMs + tookMs < toMs),
    /** Waits for the responses to all requests sent so far. */
    settled: async () => void (await Promise.allSettled(underWay)),
  }
}

/** The message of fetch is "fetch failed". Its cause has the reason. */
function reasonOf({ name, message, cause }: Error): string {
  if (!(cause instanceof Error)) return `${name}: ${message}`
  return 'code' in cause ? String(cause.code) : cause.message
}
