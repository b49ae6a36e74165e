import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { TOP } from '../support/command.ts'
import { type Check, whySkipped } from './checks.ts'
import type { Ended } from './messages.ts'
import type { Chosen } from './only.ts'
import { PATIENT_SHARE } from './plan.ts'
import { endGroup, type FileResult, LOW_PRIORITY, type Running, runFile } from './run-file.ts'
import type { Job } from './schedule.ts'

/** A unit that runs tests: a file or a check. */
export interface Task extends Job {
  start(onEnded: (ended: Ended) => void): Running
  /** The same for some of its tests. A check has none. */
  again?(titles: readonly string[]): Task
}

/** The time limit of a file: many times the duration of the slowest one. */
const TIMEOUT_MS = 900_000

export function fileTask({ file, titles }: Chosen, env: NodeJS.ProcessEnv, timeoutMs = TIMEOUT_MS): Task {
  return {
    ...{ name: file.name, phase: file.phase, share: file.share, network: file.network },
    start: (onEnded) => {
      const { path, isIsolated, isPatient } = file
      return runFile({ path, isIsolated, isPatient, titles, timeoutMs, env, onEnded })
    },
    again: (some) => fileTask({ file, titles: some }, env, timeoutMs),
  }
}

/** Reports tests that cannot run here, by name. */
export function skippedTask(name: string, titles: readonly string[], reason: string): Task {
  const tests = titles.map((title): Ended => ({ name: title, seconds: 0, result: 'skipped', reason }))
  return {
    ...{ name, phase: 'together', share: 0 },
    start: () => ({ result: Promise.resolve({ tests, seconds: 0, output: '' }), stop: async () => {} }),
  }
}

export function checkTask(check: Check, env: NodeJS.ProcessEnv): Task {
  const reason = whySkipped(check)
  if (reason !== undefined) return skippedTask(check.name, [check.name], reason)
  const start: Task['start'] = (onEnded) => runCheck(check, env, onEnded)
  if (!check.isPatient) return { name: check.name, phase: 'together', share: 0.24, start }
  return { name: check.name, phase: 'drills', share: PATIENT_SHARE, start }
}

function runCheck(
  { name, command, isPatient }: Check,
  env: NodeJS.ProcessEnv,
  onEnded: (ended: Ended) => void,
): Running {
  const startedAt = performance.now()
  const [program = '', ...words] = [...(isPatient ? LOW_PRIORITY : []), ...command]
  const child = spawn(program, words, { cwd: TOP, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece: string) => {
      output += piece
    })
  }
  async function finish(): Promise<FileResult> {
    const [code, signal] = await once(child, 'close')
    const seconds = (performance.now() - startedAt) / 1000
    const test: Ended =
      code === 0
        ? { name, seconds, result: 'passed' }
        : { name, seconds, result: 'failed', reason: output.trim() || `it ended with ${signal ?? code}` }
    onEnded(test)
    return { tests: [test], seconds, output }
  }
  const result = finish()
  return {
    result,
    async stop() {
      endGroup(child)
      await result
    },
  }
}
