// Breaks one protection after the other in a copy of the project, and sees whether the test for it notices: make mutants
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { checkOut } from '../lib/checkout.ts'
import { type Mutant, needsEngine, readMutants, type Verdict, withMutant } from './mutant.ts'
import { runTest, type TestResult } from './run-test.ts'

const wanted = process.argv.slice(2)
const all = await readMutants()
const unknown = wanted.find((name) => !all.some((mutant) => mutant.name === name))
if (unknown !== undefined) {
  console.error(`There is no mutant ${unknown}. There are: ${all.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
const chosen = all.filter(({ name }) => wanted.length === 0 || wanted.includes(name))

const VERDICTS: Record<TestResult, Verdict> = { failed: 'noticed', passed: 'SURVIVED', 'not built': 'did not build' }
/** Without a mutant, by suite and test. A test that fails anyway notices nothing. */
const unbroken = new Map<string, TestResult>()

const checkout = await checkOut()
const verdicts: Verdict[] = []
try {
  await symlink('../app/node_modules', join(checkout.folder, 'test/node_modules'))
  for (const mutant of chosen) {
    const verdict = await judge(mutant)
    verdicts.push(verdict)
    console.log(`${verdict}: ${mutant.name}\n  ${mutant.guarantee}\n  ${mutant.suite}: ${mutant.test}`)
  }
} finally {
  await checkout.remove()
}
const count = (verdict: Verdict) => verdicts.filter((one) => one === verdict).length
const others = verdicts.length - count('noticed') - count('no engine')
console.log(
  `\n${count('noticed')} of ${verdicts.length} mutants noticed, ${others} not, ${count('no engine')} not tried`,
)
process.exitCode = others === 0 ? 0 : 1

async function judge(mutant: Mutant): Promise<Verdict> {
  if (needsEngine(mutant) && process.env.HAVE_ENGINE === undefined) return 'no engine'
  const test = `${mutant.suite} ${mutant.test}`
  const result = unbroken.get(test) ?? (await runTest(checkout.folder, mutant))
  unbroken.set(test, result)
  if (result !== 'passed') return 'test fails anyway'
  const broken = await withMutant(checkout.folder, mutant, () => runTest(checkout.folder, mutant))
  return broken === undefined ? 'did not apply' : VERDICTS[broken]
}
