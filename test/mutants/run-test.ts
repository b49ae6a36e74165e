import { join } from 'node:path'
import { command } from '../lib/command.ts'
import { type Mutant, needsEngine } from './mutant.ts'

export type TestResult = 'passed' | 'failed' | 'not built'

/** Ends a test that hangs, in milliseconds: more than the slowest one takes. A stack may have to be built first. */
const TIMEOUT_MS = { alone: 120_000, stack: 600_000 }

/** Compiles this checkout and runs one test in it, no other. Its result says nothing of the others. */
export async function runTest(folder: string, mutant: Mutant): Promise<TestResult> {
  const { suite, test } = mutant
  for (const [program, ...words] of [
    ['npm', 'run', '--prefix', 'app', '--silent', 'build:test'],
    ...(suite.startsWith('test/') ? [['app/node_modules/.bin/tsc', '-p', 'test']] : []),
  ]) {
    if (program === undefined || (await command(program, words, {}, folder)).code !== 0) return 'not built'
  }
  const compiled = suite.replace(/^(app|test)\//, '$1/dist/').replace(/\.ts$/, '.js')
  const file = suite.startsWith('test/') ? compiled.replace('dist/', 'dist/test/') : compiled
  const timeoutMs = needsEngine(mutant) ? TIMEOUT_MS.stack : TIMEOUT_MS.alone
  const { code, output } = await command(
    process.execPath,
    [
      ...['--enable-source-maps', '--test', '--test-reporter=tap', `--test-timeout=${timeoutMs}`],
      ...[`--test-name-pattern=${escapeRegExp(test)}`, join(folder, file)],
    ],
    {},
    folder,
  )
  const results = [...output.matchAll(/^ *(ok|not ok) \d+ - (.*)$/gm)]
    .filter(([, , title = '']) => unescapeTap(title).includes(test) && !title.includes(' # SKIP'))
    .map(([, result]) => result)
  // One that hangs is cancelled with its file, and not named.
  const isCancelled = /^# cancelled [1-9]/m.test(output)
  if (results.includes('not ok') || isCancelled) return 'failed'
  if (results.length > 0 && code === 0) return 'passed'
  throw new Error(`The test "${test}" of ${suite} was not run:\n${output}`)
}

const escapeRegExp = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')

/** TAP has a backslash before each of these two. */
const unescapeTap = (title: string) => title.replaceAll(/\\([\\#])/g, '$1')
