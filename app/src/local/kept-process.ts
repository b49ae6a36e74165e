import { spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * A shell between this process and the program. Its standard input is a pipe, which the system closes when this process
 * exits, also after SIGKILL. Then the shell kills the program and removes its folder. `read` is part of the shell, so no
 * other process waits here. The redirection lets the program's output end with the program.
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

/** Runs a program in a temporary folder, its `--dir`. When this process exits, the program is killed and the folder removed. */
export function keepProcess(command: string, args: readonly string[], folderPrefix: string) {
  const child = spawn('/bin/sh', ['-c', KEEPER, 'keeper', folderPrefix, command, ...args], {
    // A process group of its own: Ctrl-C in the terminal must not kill the program before the processes that use it.
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  child.stdin.on('error', () => {})
  return {
    stdout: child.stdout,
    /** Resolves when the program has exited and its folder is removed. */
    async stop(): Promise<void> {
      child.stdin.end()
      await exited
    },
  }
}
