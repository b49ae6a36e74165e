import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** The top of the project, seen from where this file is compiled to. */
export const TOP = fileURLToPath(new URL('../../../..', import.meta.url))

export interface Result {
  code: number
  output: string
}

/** A checkout may have a .env for its user. A test decides its settings itself: neither scripts nor Compose read that file. */
export const WITHOUT_ENV_FILE = { COMPOSE_DISABLE_ENV_FILE: '1' }

/** Runs a command at the top of the project, as a user would, and gives its exit code and all it said. */
export async function command(
  name: string,
  args: readonly string[],
  env: Record<string, string> = {},
  folder = TOP,
): Promise<Result> {
  const child = spawn(name, args, {
    cwd: folder,
    env: { ...process.env, ...WITHOUT_ENV_FILE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece: string) => {
      output += piece
    })
  }
  const [code] = await once(child, 'close')
  return { code: code ?? -1, output }
}

/** The same for what must succeed: gives what it said, and fails with it otherwise. */
export async function succeed(
  name: string,
  args: readonly string[],
  env: Record<string, string> = {},
  folder = TOP,
): Promise<string> {
  const { code, output } = await command(name, args, env, folder)
  if (code !== 0) throw new Error(`${name} ${args.join(' ')} ended with ${code}:\n${output}`)
  return output
}
