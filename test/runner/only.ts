import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { succeed } from '../support/command.ts'
import type { TestFile } from './plan.ts'

const TITLES = fileURLToPath(new URL('./titles.js', import.meta.url))

/** The titles of the tests in these files, by their paths, without running them. */
export async function titlesOf(files: readonly TestFile[]): Promise<Record<string, string[]>> {
  const output = await succeed(process.execPath, [TITLES, ...files.map(({ path }) => path)])
  return z.record(z.string(), z.array(z.string())).parse(JSON.parse(output.trim().split('\n').at(-1) ?? ''))
}

export interface Chosen {
  file: TestFile
  /** Only tests with one of these in their titles. By default all tests. */
  titles?: readonly string[]
}

/** The files and tests with this text in their names or titles. A file of exactly this name is chosen alone. */
export async function choose(files: readonly TestFile[], text: string): Promise<Chosen[]> {
  const exact = files.filter(({ name }) => name === text || name.endsWith(`/${text}`))
  if (exact.length > 0) return exact.map((file) => ({ file }))
  const has = (title: string) => title.toLowerCase().includes(text.toLowerCase())
  const titles = await titlesOf(files)
  return files.flatMap((file): Chosen[] => {
    if (has(file.name)) return [{ file }]
    return titles[file.path]?.some(has) ? [{ file, titles: [text] }] : []
  })
}
