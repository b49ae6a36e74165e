import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { TOP } from '../lib/command.ts'
import { mutate, readMutants } from '../mutants/mutant.ts'

const read = (file: string) => readFile(join(TOP, file), 'utf8')

test('every mutant of make mutants applies to the sources, and docs/security.md names the test that must notice it', async () => {
  const security = await read('docs/security.md')
  const mutants = await readMutants()
  assert.ok(mutants.length > 20)
  for (const mutant of mutants) {
    assert.ok(mutate(await read(mutant.file), mutant), `${mutant.name}: did not apply`)
    assert.ok(security.includes(mutant.test), `${mutant.name}: docs/security.md does not name "${mutant.test}"`)
    const suite = (await read(mutant.suite)) + (await read('app/test/lib/contract.ts'))
    assert.ok(suite.includes(mutant.test), `${mutant.name}: there is no test "${mutant.test}" in ${mutant.suite}`)
  }
})
