import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, succeed } from '../support/command.ts'
import type { Ended } from './messages.ts'

export interface LeftOvers {
  /** The temporary folder of all tests. A file that is left in it at the end was left by a test. */
  folder: string
  /** A test that fails if the tests have left anything behind. */
  check(): Promise<Ended>
  /** After a stopped run, ends and removes everything that the tests have started. */
  remove(): Promise<void>
}

/** Remembers the existing stacks. Without an engine there are none. */
export async function watchLeftOvers({ hasEngine }: { hasEngine: boolean }): Promise<LeftOvers> {
  const script = (line: string) => ['-c', `source deploy/lib.sh; source test/left-overs.sh; ${line}`, 'left-overs']
  const stacks = async () => (hasEngine ? (await succeed('bash', script('test_stacks'))).trim() : '')
  const before = await stacks()
  // A short name, because the paths of Chromium's sockets are limited.
  const folder = await mkdtemp(join(tmpdir(), 's-'))
  const words = hasEngine ? [folder, before] : [folder]
  return {
    folder,
    async check() {
      const startedAt = performance.now()
      const { code, output } = await command('bash', [...script('nothing_left "$@"'), ...words])
      await rm(folder, { recursive: true, force: true })
      const seconds = (performance.now() - startedAt) / 1000
      return { name: 'no leftovers', seconds, result: code === 0 ? 'passed' : 'failed', reason: output.trim() }
    },
    async remove() {
      await command('bash', [...script('remove_what_is_left "$@"'), ...words])
      await rm(folder, { recursive: true, force: true })
    },
  }
}
