// Breaks one protection after the other in a copy of the project, and checks that its test notices: make mutants
import { renderTable } from 'loadtest/lib/table'
import { checkOut } from '../support/checkout.ts'
import { createProgress } from '../support/progress.ts'
import { isOfStack, type Mutant, readMutants, type Verdict, withMutant } from './mutant.ts'
import { createBuild, createCertificate, runTests } from './run-test.ts'

const wanted = process.argv.slice(2).flatMap((names) => names.split(/\s+/).filter(Boolean))
const all = await readMutants()
const unknown = wanted.find((name) => !all.some((mutant) => mutant.name === name))
if (unknown !== undefined) {
  console.error(`There is no mutant ${unknown}. There are: ${all.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
const chosen = all.filter(({ name }) => wanted.length === 0 || wanted.includes(name))

const checkout = await checkOut()
const { note, build } = createBuild(checkout.folder)
const showStep = createProgress()
const verdicts = new Map<Mutant, Verdict>()
try {
  // The quick suites come first.
  const suites = [...new Set(chosen.map(({ suite }) => suite))].sort((a, b) => rankOf(a) - rankOf(b))
  for (const suite of suites) await judgeSuite(suite)
} finally {
  await checkout.remove()
}

const rows = [...verdicts].map(([{ name, guarantee, suite, test }, verdict]) => [
  ...[verdict, name, guarantee, `${suite}: ${test}`],
])
console.log(`\n${renderTable([['Verdict', 'Mutant', 'Guarantee', 'Test'], ...rows])}`)
const count = (verdict: Verdict) => [...verdicts.values()].filter((one) => one === verdict).length
const others = verdicts.size - count('noticed') - count('no engine')
console.log(`\n${count('noticed')} of ${verdicts.size} mutants noticed, ${others} not, ${count('no engine')} not tried`)
process.exitCode = others === 0 ? 0 : 1

function rankOf(suite: string): number {
  return ['test/unit/', 'test/integration/', 'test/browser/', 'test/stack/'].findIndex((folder) =>
    suite.startsWith(folder),
  )
}

async function judgeSuite(suite: string): Promise<void> {
  const mutants = chosen.filter((mutant) => mutant.suite === suite)
  if (isOfStack(suite) && process.env.HAVE_ENGINE === undefined) {
    for (const mutant of mutants) verdicts.set(mutant, 'no engine')
    return
  }
  const parts = [...new Set(mutants.map(({ test }) => test))]
  // A test that fails anyway notices nothing.
  const unbroken = await showStep(`${suite} without a mutant`, async () => {
    if (!(await build())) throw new Error('The project does not compile. Run: make check')
    if (isOfStack(suite)) await createCertificate(checkout.folder)
    return runTests(checkout.folder, suite, parts)
  })
  for (const mutant of mutants) {
    const title = `${verdicts.size + 1} of ${chosen.length}, ${mutant.name}`
    const isGood = unbroken.get(mutant.test) === 'passed'
    verdicts.set(mutant, await showStep(title, async () => (isGood ? judge(mutant) : 'test fails anyway'), String))
  }
}

async function judge(mutant: Mutant): Promise<Verdict> {
  const { file, suite, test } = mutant
  note(file)
  const verdict = await withMutant(checkout.folder, mutant, async (): Promise<Verdict> => {
    if (!(await build())) return 'did not build'
    const results = await runTests(checkout.folder, suite, [test])
    return results.get(test) === 'failed' ? 'noticed' : 'SURVIVED'
  })
  note(file)
  return verdict ?? 'did not apply'
}
