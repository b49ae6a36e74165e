import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { mutate, readMutants } from '../mutants/mutant.ts'
import { TOP } from '../support/command.ts'

const read = (file: string) => readFile(join(TOP, file), 'utf8')

async function readFolder(folder: string): Promise<string> {
  const files = await readdir(join(TOP, folder))
  return (await Promise.all(files.map((file) => read(`${folder}/${file}`)))).join('\n')
}

test('every mutant of make mutants applies to the sources, changes them, and names a test that exists', async () => {
  const mutants = await readMutants()
  assert.ok(mutants.length >= 60)
  const shared = await readFolder('test/support/contract')
  const problems: string[] = []
  for (const mutant of mutants) {
    const mutated = mutate(await read(mutant.file), mutant)
    if (mutated === undefined) problems.push(`${mutant.name}: its text is not once in ${mutant.file}`)
    if (mutant.find === mutant.replace) problems.push(`${mutant.name}: it changes nothing`)
    const suite = (await read(mutant.suite)) + shared
    if (!suite.includes(mutant.test)) problems.push(`${mutant.name}: no test "${mutant.test}" in ${mutant.suite}`)
  }
  assert.deepEqual(problems, [])
  assert.equal(new Set(mutants.map(({ guarantee }) => guarantee)).size, mutants.length)
})

test('make mutants breaks the protections that docs/security.md lists', async () => {
  const security = await read('docs/security.md')
  const mutants = await readMutants()
  assert.ok(mutants.filter(({ test }) => security.includes(test)).length >= 60)
})
