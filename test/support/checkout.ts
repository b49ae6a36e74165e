import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readlink, rm, symlink, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { TOP } from './command.ts'

/** Generated files of a checkout, which are not part of the project. */
const MADE = new Set(['node_modules', 'dist', '.git', '.env', '.secrets', '.local', 'report'])

export interface Checkout {
  folder: string
  remove(): Promise<void>
}

/**
 * A copy of this project as if cloned with `umask 077` into a folder with a space in its name: only its owner can read it.
 * It has the packages of this checkout.
 */
export async function checkOut(): Promise<Checkout> {
  const parent = await mkdtemp(join(tmpdir(), 'a checkout-'))
  const folder = join(parent, 'one session')
  await cp(TOP, folder, { recursive: true, preserveTimestamps: true, filter: (path) => !MADE.has(basename(path)) })
  for (const part of ['app', 'test']) {
    await linkPackages(join(TOP, part, 'node_modules'), join(folder, part, 'node_modules'))
    // Older than the packages, so no script installs them again.
    await utimes(join(folder, part, 'package-lock.json'), 0, 0)
  }
  await closeToOthers(folder)
  return { folder, remove: () => rm(parent, { recursive: true, force: true }) }
}

/** Points the links to other parts of the project to the parts of this copy. */
async function linkPackages(from: string, to: string): Promise<void> {
  await mkdir(to)
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const path = join(from, entry.name)
    await symlink(entry.isSymbolicLink() ? await readlink(path) : path, join(to, entry.name))
  }
}

async function closeToOthers(path: string): Promise<void> {
  const found = await lstat(path)
  if (found.isSymbolicLink()) return
  await chmod(path, found.mode & 0o700)
  if (!found.isDirectory()) return
  for (const name of await readdir(path)) await closeToOthers(join(path, name))
}
