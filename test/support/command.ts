import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** The top folder of the project, relative to the compiled file. */
export const TOP = fileURLToPath(new URL('../../..', import.meta.url))

export interface Result {
  code: number
  output: string
}

/** A checkout may have its user's .env. Tests choose their own settings, so neither scripts nor Compose read that file. */
export const WITHOUT_ENV_FILE = { COMPOSE_DISABLE_ENV_FILE: '1' }

/** Runs a command in the top folder of the project, like a user. Returns its exit status and output. */
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

/** Runs a command that must succeed. Returns its output, or throws an error with it. */
export async function succeed(
  name: string,
  args: readonly string[],
  env: Record<string, string> = {},
  folder = TOP,
): Promise<string> {
  const { code, output } = await command(name, args, env, folder)
  if (code !== 0) throw new Error(`${name} ${args.join(' ')} exited with status ${code}:\n${output}`)
  return output
}
