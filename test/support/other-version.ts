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
  for (const { file, find, replace } of changes) {
    const path = join(folder, 'dist/src', file)
    const text = await readFile(path, 'utf8')
    assert.equal(text.split(find).length, 2, `${file} has not exactly one: ${find}`)
    await writeFile(
      path,
      text.replace(find, () => replace),
    )
  }
  const node = run(process.execPath, [join(folder, 'dist/src/server.js')], { PORT: '0', ...env })
  t.after(async () => {
    node.signal('SIGKILL')
    await node.ended
  })
  return node
}
