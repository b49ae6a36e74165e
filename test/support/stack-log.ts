import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { WITHOUT_ENV_FILE } from './command.ts'
import { until } from './until.ts'
import { secretsSeen } from './visitor.ts'

/** The logs of all containers of a Compose stack, also of removed ones. */
export function createStackLog() {
  let follower: ChildProcess | undefined
  let log = ''

  return {
    /** Starts to read the logs, unless it does so already. */
    follow(env: Record<string, string>, folder: string): void {
      if (follower) return
      follower = spawn('docker', ['compose', 'logs', '--follow', '--no-color'], {
        cwd: folder,
        env: { ...process.env, ...WITHOUT_ENV_FILE, ...env },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      follower.stdout?.setEncoding('utf8').on('data', (piece: string) => {
        // Some versions of Compose clear each line before they write it, even without a terminal.
        log += piece.replaceAll('\x1b[2K', '')
      })
    },

    /** It exits when its containers are removed, or on request. */
    async stopFollowing(): Promise<void> {
      if (follower?.exitCode === null && follower.kill()) await once(follower, 'exit')
    },

    /** Everything logged so far, by all containers. */
    text: () => log,

    /** Waits for the first log line that contains all of these pieces, and returns it. */
    lineWith: (...pieces: string[]): Promise<string> =>
      until(`the log has a line with ${pieces.join(' and ')}`, () =>
        log.split('\n').find((line) => pieces.every((piece) => line.includes(piece))),
      ),

    /** Fails if any log contains a token or a password of any visitor of this run. */
    assertNoSecretIsLogged(): void {
      const secrets = [...secretsSeen]
      assert.ok(secrets.length > 0 && log.length > 1_000)
      for (const secret of secrets) assert.ok(!log.includes(secret), 'a log contains a token or a password')
    },
  }
}
