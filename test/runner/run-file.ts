import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { TOP } from '../support/command.ts'
import { isolated } from './isolation.ts'
import type { Ended } from './messages.ts'
import { readTests } from './read-tests.ts'

const REPORTER = fileURLToPath(new URL('./reporter.js', import.meta.url))
/** The time that a process has after SIGTERM to end what it has started. */
const GRACE_MS = 10_000
/** The time for its last output to arrive. */
const LAST_WORDS_MS = 2_000

/** A tenth of the usual weight, by nice(1). With less, a test of a busy machine would not run at all. */
export const LOW_PRIORITY = ['nice', '-n', '10']

export interface FileRun {
  /** The compiled file. */
  path: string
  /** In a network of its own: isolation.ts. */
  isIsolated?: boolean
  /** With a low priority: it and all that it starts give way to what runs beside it. */
  isPatient?: boolean
  /** Runs only tests with one of these in their titles, in any case. */
  titles?: readonly string[] | undefined
  timeoutMs: number
  env: NodeJS.ProcessEnv
  onEnded?: (ended: Ended) => void
}

export interface FileResult {
  tests: Ended[]
  seconds: number
  /** Its other output, on both streams. */
  output: string
}

export interface Running {
  result: Promise<FileResult>
  /** Ends it and everything that it has started. */
  stop(): Promise<void>
}

/** Runs one file of tests in a process group of its own. A file that ran no test, crashed or timed out has a failed test. */
export function runFile({ path, isIsolated = false, isPatient = false, ...given }: FileRun): Running {
  const { titles = [], timeoutMs, env, onEnded } = given
  const startedAt = performance.now()
  const [program, ...words] = isolated(
    [
      ...(isPatient ? LOW_PRIORITY : []),
      ...[
        process.execPath,
        '--enable-source-maps',
        `--test-reporter=${REPORTER}`,
        '--test-reporter-destination=stdout',
      ],
      ...titles.map((title) => `--test-name-pattern=${patternOf(title)}`),
      path,
    ],
    isIsolated,
  )
  const child = spawn(program, words, { cwd: TOP, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let isLate = false
  const onLate = () => {
    isLate = true
    void stop(child)
  }
  const read = readTests(child, { onEnded, onLate, timeoutMs })

  async function finish(): Promise<FileResult> {
    const closed = once(child, 'close')
    const [code, signal] = await once(child, 'exit')
    read.stopWatch()
    // A process that it left running may hold its output open.
    await Promise.race([closed, sleep(LAST_WORDS_MS)])
    const seconds = (performance.now() - startedAt) / 1000
    const { tests } = read
    const output = read.output()
    const fail = (name: string, reason: string) => tests.push({ name, seconds, result: 'failed', reason })
    const open = read.open() ?? 'the whole file'
    if (isLate) fail(open, `timed out: stopped after ${seconds.toFixed(0)} s`)
    else if (code !== 0 && !tests.some(({ result }) => result === 'failed'))
      fail(open, `the process crashed with ${signal ?? `status ${code}`}:\n${output.slice(-4_000)}`)
    else if (tests.length === 0) fail('the whole file', 'it ran no test')
    return { tests, seconds, output }
  }
  const result = finish()
  return {
    result,
    async stop() {
      await stop(child)
      await result
    },
  }
}

/** First the process, which ends what it has started. Then the rest of its group. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
    await ended
    clearTimeout(timer)
  }
  endGroup(child)
}

/** Ends all processes of the group that the child leads. */
export function endGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // None is left.
  }
}

const patternOf = (title: string) => `/${title.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')}/i`
