import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { APP, type Program, run } from './program.ts'

/** A change of one compiled file. The text must be in the file exactly once. */
export interface Change {
  file: string
  find: string
  replace: string
}

/** The text of the file with the change. */
export function applyTo(text: string, { file, find, replace }: Change): string {
  assert.equal(text.split(find).length, 2, `${file} has not exactly one: ${find}`)
  return text.replace(find, () => replace)
}

/** A newer version that keeps one thing more about a session. */
export const ONE_MEMBER_MORE: readonly Change[] = [
  {
    file: 'sessions/session-writer.js',
    find: 'const stored = { user:',
    replace: "const stored = { plan: 'gold', user:",
  },
]

/** A newer version whose records no other version can read: the control. */
export const ANOTHER_FORM: readonly Change[] = [
  {
    file: 'sessions/session-record.js',
    find: 'parseJson(valueSchema, json)',
    replace: 'parseJson(valueSchema, JSON.stringify(JSON.parse(json).record ?? JSON.parse(json)))',
  },
  {
    file: 'sessions/session-record.js',
    find: 'return JSON.stringify(stored.rotatedAt === undefined ? stored : { id, ...stored });',
    replace: 'return JSON.stringify({ form: 2, record: stored.rotatedAt === undefined ? stored : { id, ...stored } });',
  },
]

/** Starts a node of another version of the application: a compiled copy with these changes. */
export async function startOtherVersion(
  t: TestContext,
  changes: readonly Change[],
  env: Record<string, string>,
): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), 'version-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const part of ['dist', 'public', 'redis', 'package.json', 'demo-users.json'])
    await cp(join(APP, part), join(folder, part), { recursive: true })
  await symlink(join(APP, 'node_modules'), join(folder, 'node_modules'))
  for (const change of changes) {
    const path = join(folder, 'dist/src', change.file)
    await writeFile(path, applyTo(await readFile(path, 'utf8'), change))
  }
  const node = run(process.execPath, [join(folder, 'dist/src/server.js')], { PORT: '0', ...env })
  t.after(async () => {
    node.signal('SIGKILL')
    await node.ended
  })
  return node
}
