import type { Progress } from './progress.ts'
import type { FileResult, Running } from './run-file.ts'
import { runAll } from './schedule.ts'
import type { Results } from './summary.ts'
import type { Task } from './task.ts'

/** Tests skip themselves with this reason if other tests keep the machine too busy to judge a time limit. */
const TOO_SLOW = /too slow to judge/

/** Runs all tasks. Tests for which the machine was too busy run once more, with the machine to themselves. */
export function runTasks(tasks: readonly Task[], progress: Progress) {
  const running = new Set<Running>()
  const found = new Map<string, FileResult>()
  let isStopped = false

  async function run(task: Task): Promise<void> {
    if (isStopped) return
    progress.started(task.name)
    const started = task.start((ended) => progress.testEnded(task.name, ended))
    running.add(started)
    const result = await started.result
    running.delete(started)
    if (isStopped) return
    progress.fileEnded(task.name, result)
    found.set(task.name, replaced(found.get(task.name), result))
  }

  async function runThem(): Promise<Results[]> {
    await runAll(tasks, run)
    for (const task of tasks) {
      const unjudged = (found.get(task.name)?.tests ?? []).filter(({ reason }) => TOO_SLOW.test(reason ?? ''))
      if (unjudged.length === 0 || !task.again || isStopped) continue
      progress.say(`Once more, alone: ${task.name}`)
      await run(task.again(unjudged.map(({ name }) => name)))
    }
    return soFar()
  }
  const soFar = (): Results[] => tasks.map(({ name }) => ({ name, tests: found.get(name)?.tests ?? [] }))

  return {
    results: runThem(),
    /** Ends all running tasks. Returns the results of those that had ended before. */
    async stop(): Promise<Results[]> {
      isStopped = true
      await Promise.all([...running].map((one) => one.stop()))
      return soFar()
    },
  }
}

/** The results of a file after some of its tests have run again. A failure of the file itself is one more. */
function replaced(before: FileResult | undefined, after: FileResult): FileResult {
  if (!before) return after
  const names = new Set(after.tests.map(({ name }) => name))
  return { ...after, tests: [...before.tests.filter(({ name }) => !names.has(name)), ...after.tests] }
}
