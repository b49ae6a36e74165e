import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'

/**
 * A shell between this process and the program. Its standard input is a pipe from this process, and the system closes a
 * pipe with its process, also after SIGKILL. Then the shell ends the program and removes its folder. `read` is part of
 * the shell, so no other process waits here. The program's output must end with the program: hence the redirection.
 */
const KEEPER = `
folder=$(mktemp -d "\${TMPDIR:-/tmp}/$1XXXXXX") || exit 1
shift
"$@" --dir "$folder" < /dev/null &
trap '{ kill -KILL $!; wait $!; } 2> /dev/null; rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
exec > /dev/null
while read -r _; do :; done
`

export interface KeptProcess {
  stdout: Readable
  /** Ends the program, and resolves when it has ended and its folder is removed. */
  stop(): Promise<void>
}

/**
 * Runs a program for as long as this process lives, in a temporary folder that it gets as `--dir`. However this process
 * ends, the program ends and the folder is removed.
 */
export function keepProcess(command: string, args: readonly string[], folderPrefix: string): KeptProcess {
  const child = spawn('/bin/sh', ['-c', KEEPER, 'keeper', folderPrefix, command, ...args], {
    // A process group of its own: Ctrl-C in the terminal must not end the program before those that still need it.
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  child.stdin.on('error', () => {})
  return {
    stdout: child.stdout,
    async stop() {
      child.stdin.end()
      await ended
    },
  }
}
