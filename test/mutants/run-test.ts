import { join } from 'node:path'
import { command, succeed } from '../support/command.ts'
import { isOfStack } from './mutant.ts'

export type TestResult = 'passed' | 'failed'

/** Ends a test that hangs, in milliseconds: more than the slowest one takes. A stack may have to be built first. */
const TIMEOUT_MS = { alone: 120_000, stack: 600_000 }

/** The folders of the sources, and the projects that compile them. */
const PROJECTS: readonly [RegExp, readonly string[]][] = [
  [/^app\/src\//, ['app']],
  [/^app\/page\//, ['app/tsconfig.page.json']],
  // Page, k6 scripts and `make prove` share what is in app/page/shared.
  [/^(test|loadtest|app\/page\/shared)\//, ['loadtest', 'test/prove', 'test']],
]

/** Compiles a checkout, but only the parts of it that have changed since. */
export function createBuild(folder: string) {
  const changed = new Set(PROJECTS.flatMap(([, projects]) => projects))
  return {
    /** To be called after a file was changed, or changed back. */
    note(file: string): void {
      for (const [sources, projects] of PROJECTS)
        if (sources.test(file)) for (const project of projects) changed.add(project)
    },
    /** Returns whether the sources could be compiled. */
    async build(): Promise<boolean> {
      for (const project of changed) {
        const { code } = await command('test/node_modules/.bin/tsc', ['-p', project], {}, folder)
        if (code !== 0) return false
        changed.delete(project)
      }
      return true
    },
  }
}

const certificateOf = (folder: string) => join(folder, '.secrets/tls-certificate.pem')

/** Creates the certificate of the stack, as test/run does: the tests over TLS verify it. */
export async function createCertificate(folder: string): Promise<void> {
  await succeed('deploy/secrets', ['--files-only'], {}, folder)
  await succeed('deploy/tls-certificate', [], {}, folder)
}

/**
 * Runs these tests of a suite in a checkout, and no others. Returns the result of each, by a part of its title. A part may
 * stand for several tests: all of them have to pass.
 */
export async function runTests(folder: string, suite: string, parts: string[]): Promise<Map<string, TestResult>> {
  const file = suite.replace(/^test\//, 'test/dist/').replace(/\.ts$/, '.js')
  const timeoutMs = isOfStack(suite) ? TIMEOUT_MS.stack : TIMEOUT_MS.alone
  const { code, output } = await command(
    process.execPath,
    [
      ...['--enable-source-maps', '--test', '--test-reporter=tap', `--test-timeout=${timeoutMs}`],
      ...parts.map((part) => `--test-name-pattern=${escapeRegExp(part)}`),
      join(folder, file),
    ],
    isOfStack(suite) ? { NODE_EXTRA_CA_CERTS: certificateOf(folder) } : {},
    folder,
  )
  const lines = [...output.matchAll(/^ *(ok|not ok) \d+ - (.*)$/gm)].map(([, result, title = '']) => ({
    isOk: result === 'ok',
    title: unescapeTap(title),
  }))
  const results = parts.map((part): [string, TestResult] => {
    const own = lines.filter(({ title }) => title.includes(part) && !title.includes(' # SKIP'))
    // A suite that ends before its tests, or hangs, names none of them.
    if (own.length === 0 && code === 0) throw new Error(`The test "${part}" of ${suite} was not run:\n${output}`)
    const hasPassed = own.length > 0 && own.every(({ isOk }) => isOk)
    return [part, hasPassed && (parts.length > 1 || code === 0) ? 'passed' : 'failed']
  })
  return new Map(results)
}

const escapeRegExp = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')

/** TAP has a backslash before each of these two. */
const unescapeTap = (title: string) => title.replaceAll(/\\([\\#])/g, '$1')
