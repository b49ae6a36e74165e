// Runs checks and tests in parallel: main.js check, or main.js test. test/run prepares the machine and calls it.
import { parseArgs } from 'node:util'
import { COMPOSE_CHECKS, QUICK_CHECKS } from './checks.ts'
import { canIsolate } from './isolation.ts'
import { watchLeftOvers } from './left-overs.ts'
import { choose, titlesOf } from './only.ts'
import { FOLDERS, type Folder, findFiles } from './plan.ts'
import { clock, showProgress } from './progress.ts'
import { runTasks } from './run-tasks.ts'
import { summary } from './summary.ts'
import { checkTask, fileTask, skippedTask, type Task } from './task.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** The folder of the compiled tests. */
    tests: { type: 'string', default: 'test/dist' },
    /** Runs only files and tests with this text in their names, and no check. */
    only: { type: 'string', default: '' },
    /** Leaves out format, lint and types. */
    'no-checks': { type: 'boolean', default: false },
    /** A Docker engine with Compose is available. */
    engine: { type: 'boolean', default: false },
    /** A missing engine is a failure. */
    'require-engine': { type: 'boolean', default: false },
    /** A line for each test. */
    verbose: { type: 'boolean', default: false },
    /** The seconds after which a file has failed. */
    timeout: { type: 'string', default: '900' },
  },
})
const isCheck = positionals[0] === 'check'
const { only, engine: hasEngine, verbose: isVerbose } = values
const NO_ENGINE = 'no Docker engine with Compose v2 answers here'

const startedAt = performance.now()
const leftOvers = await watchLeftOvers({ hasEngine: hasEngine && !isCheck })
const env = { ...process.env, TMPDIR: leftOvers.folder }
const tasks = await plan()
const progress = showProgress(tasks.length, { isVerbose })
const { results, stop } = runTasks(tasks, progress)

let isStopping = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, async () => {
    if (isStopping) return
    isStopping = true
    progress.say(`Stopped by ${signal}. Ending what the tests have started.`)
    const soFar = await stop()
    await leftOvers.remove()
    console.log(`\n${summary(soFar).text}`)
    process.exit(130)
  })

const all = await results
if (!isStopping) {
  progress.end()
  const left = await leftOvers.check()
  const extra = [{ name: left.name, tests: [left] }]
  if (values['require-engine'] && !hasEngine) extra.push(failure('Docker engine', `REQUIRE=docker, and ${NO_ENGINE}`))
  if (only !== '' && tasks.length === 0) extra.push(failure('ONLY', `no file and no test has "${only}" in its name`))
  else if (tasks.length === 0) extra.push(failure('tests', `there are none in ${values.tests}`))
  const { text, failed } = summary([...all, ...extra])
  console.log(`\nTook ${clock((performance.now() - startedAt) / 1000)}.\n${text}`)
  process.exitCode = failed === 0 ? 0 : 1
}

async function plan(): Promise<Task[]> {
  const timeoutMs = Number(values.timeout) * 1000
  const folders: readonly Folder[] = isCheck ? ['unit'] : FOLDERS
  const found = await findFiles(values.tests, folders, { canIsolate: !isCheck && (await canIsolate()) })
  const chosen = only === '' ? found.map((file) => ({ file })) : await choose(found, only)
  const needEngine = chosen.filter(({ file }) => file.name.startsWith('stack/') && !hasEngine)
  const titles = needEngine.length > 0 ? await titlesOf(needEngine.map(({ file }) => file)) : {}
  const files = chosen.map((one) =>
    needEngine.includes(one)
      ? skippedTask(one.file.name, titles[one.file.path] ?? [], NO_ENGINE)
      : fileTask(one, env, timeoutMs),
  )
  if (only !== '' || values['no-checks']) return files
  const checks = isCheck ? QUICK_CHECKS : [...QUICK_CHECKS, ...COMPOSE_CHECKS]
  return [...checks.map((check) => checkTask(check, env)), ...files]
}

function failure(name: string, reason: string) {
  return { name, tests: [{ name, seconds: 0, result: 'failed' as const, reason }] }
}
