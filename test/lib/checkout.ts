import { chmod, cp, lstat, mkdtemp, readdir, rm, symlink, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { TOP } from './command.ts'

/** What is made in a checkout, and is not part of the project. */
const MADE = new Set(['node_modules', 'dist', '.git', '.env', '.secrets', '.local', 'report'])

export interface Checkout {
  folder: string
  remove(): Promise<void>
}

/**
 * The project as it is here, as if cloned with `umask 077` into a folder with a space in its name: only its owner can read
 * it. It has the packages of this checkout.
 */
export async function checkOut(): Promise<Checkout> {
  const parent = await mkdtemp(join(tmpdir(), 'a checkout-'))
  const folder = join(parent, 'one session')
  await cp(TOP, folder, { recursive: true, preserveTimestamps: true, filter: (path) => !MADE.has(basename(path)) })
  await symlink(join(TOP, 'app/node_modules'), join(folder, 'app/node_modules'))
  // Older than the packages, so that no script fetches them again.
  await utimes(join(folder, 'app/package-lock.json'), 0, 0)
  await closeToOthers(folder)
  return { folder, remove: () => rm(parent, { recursive: true, force: true }) }
}

async function closeToOthers(path: string): Promise<void> {
  const found = await lstat(path)
  if (found.isSymbolicLink()) return
  await chmod(path, found.mode & 0o700)
  if (!found.isDirectory()) return
  for (const name of await readdir(path)) await closeToOthers(join(path, name))
}
