import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { type Ended, readMessage } from './messages.ts'

/** The time that a process has to exit after its last test: hooks remove stacks. A leak may keep the process open. */
const LAST_HOOKS_MS = 180_000

interface Streams {
  stdout: Readable
  stderr: Readable
}

interface Parts {
  onEnded?: ((ended: Ended) => void) | undefined
  /** Called after `timeoutMs`, or earlier if the process stays open after its last test. */
  onLate: () => void
  timeoutMs: number
}

/** Reads the tests and the output of the process of a test file, and watches its time. */
export function readTests({ stdout, stderr }: Streams, { onEnded, onLate, timeoutMs }: Parts) {
  const tests: Ended[] = []
  const unfinished = new Set<string>()
  const printed: string[] = []
  stderr.setEncoding('utf8').on('data', (piece: string) => printed.push(piece))
  const timer = setTimeout(onLate, timeoutMs)
  let afterLast: NodeJS.Timeout | undefined

  createInterface({ input: stdout }).on('line', (line) => {
    const message = readMessage(line)
    if (!message) {
      if (line !== '') printed.push(`${line}\n`)
      return
    }
    clearTimeout(afterLast)
    if ('started' in message) {
      unfinished.add(message.started)
      return
    }
    unfinished.delete('ended' in message ? message.ended.name : message.uncounted)
    if (unfinished.size === 0) afterLast = setTimeout(onLate, Math.min(LAST_HOOKS_MS, timeoutMs))
    if ('uncounted' in message) return
    tests.push(message.ended)
    onEnded?.(message.ended)
  })

  return {
    tests,
    output: () => printed.join(''),
    /** The test that has not ended. Undefined if all have. */
    open: () => [...unfinished].at(-1),
    stopWatch(): void {
      clearTimeout(timer)
      clearTimeout(afterLast)
    },
  }
}
