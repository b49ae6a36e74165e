import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { TOP } from '../support/command.ts'
import type { ComposeStack } from './attack.ts'

/**
 * Runs a compiled program of this folder in a container on the network of the published port. nginx then sees another address
 * than that of the users on this machine. The program reaches nginx as http://nginx:8080 and is stopped after `longestMs`.
 * @param program the URL of the compiled file, by `new URL('./attackers/x.js', import.meta.url)`
 */
export function startElsewhere(
  stack: ComposeStack,
  program: URL,
  { words = [], longestMs = 120_000 }: { words?: readonly string[]; longestMs?: number } = {},
) {
  const project = stack.env.COMPOSE_PROJECT_NAME ?? ''
  const name = `${project}-attacker-${Math.random().toString(36).slice(2, 8)}`
  const inContainer = fileURLToPath(program).replace(TOP, '/project/')
  const child: ChildProcess = spawn(
    'docker',
    [
      ...['run', '--rm', '--init', '--name', name, '--network', `${project}_edge`, '--ulimit', 'nofile=16384'],
      ...['--volume', `${TOP}test:/project/test:ro`, '--entrypoint', 'node', `${project}-app`, inContainer, ...words],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let said = ''
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    said += piece
  })
  const ended = once(child, 'exit')
  const tooLong = setTimeout(() => void stop(), longestMs)

  async function stop(): Promise<void> {
    if (child.exitCode === null) spawn('docker', ['kill', name], { stdio: 'ignore' })
    await ended
    clearTimeout(tooLong)
  }

  return {
    /** Its output so far. */
    said: () => said,
    /** Resolves with its output when it has exited. */
    async finished(): Promise<string> {
      await ended
      clearTimeout(tooLong)
      return said
    },
    stop,
  }
}
