import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { TOP } from '../support/command.ts'

/** A deliberate break of one protection, and the test that must notice it. One file of this folder each: NAME.json */
const mutantSchema = z.strictObject({
  /** The guarantee of the broken line. */
  guarantee: z.string().min(1),
  /** The source that is broken: in `file`, the text `find`, which is there once, becomes `replace`. */
  file: z.string().min(1),
  find: z.string().min(1),
  replace: z.string(),
  /** The file of the test that must notice, and a part of its title. */
  suite: z.string().regex(/^test\/(unit|integration|browser|stack)\/[a-z-]+\.test\.ts$/),
  test: z.string().min(1),
})

export type Mutant = z.infer<typeof mutantSchema> & { name: string }

export type Verdict = 'noticed' | 'SURVIVED' | 'did not apply' | 'did not build' | 'test fails anyway' | 'no engine'

const FOLDER = 'test/mutants'

/** All mutants, by name. Throws if a file has another form. */
export async function readMutants(): Promise<Mutant[]> {
  const files = (await readdir(join(TOP, FOLDER))).filter((file) => file.endsWith('.json')).sort()
  return Promise.all(
    files.map(async (file) => ({
      name: file.replace(/\.json$/, ''),
      ...mutantSchema.parse(JSON.parse(await readFile(join(TOP, FOLDER, file), 'utf8'))),
    })),
  )
}

/** The source with the mutant in it, or undefined if the text is not there exactly once. */
export function mutate(source: string, { find, replace }: Pick<Mutant, 'find' | 'replace'>): string | undefined {
  const [before, after, ...more] = source.split(find)
  return before === undefined || after === undefined || more.length > 0 ? undefined : before + replace + after
}

/**
 * Does the work with the mutant in the checkout, and puts the source back afterwards. Returns undefined, without doing the
 * work, if the mutant does not apply.
 */
export async function withMutant<T>(folder: string, mutant: Mutant, work: () => Promise<T>): Promise<T | undefined> {
  const file = join(folder, mutant.file)
  const source = await readFile(file, 'utf8')
  const mutated = mutate(source, mutant)
  if (mutated === undefined) return undefined
  await writeFile(file, mutated)
  try {
    return await work()
  } finally {
    await writeFile(file, source)
  }
}

export const isOfStack = (suite: string) => suite.startsWith('test/stack/')
