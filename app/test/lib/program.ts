import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { endWithTest } from './end-with-test.ts'

export const APP = fileURLToPath(new URL('../../..', import.meta.url))

export interface LogLine {
  level?: string
  node?: string
  msg?: string
  [field: string]: unknown
}

export interface Program {
  pid: number
  lines: LogLine[]
  /** The same lines as they were printed. */
  texts: string[]
  /** The first line, so far or to come, that fits. Fails if the program ends without it. */
  line(fits: (line: LogLine) => boolean): Promise<LogLine>
  signal(signal: NodeJS.Signals): void
  /** The exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>
}

/** Runs one of the programs as a user would, with nothing of this process's environment but what is needed. */
export function run(command: string, args: string[], env: Record<string, string> = {}): Program {
  const child = spawn(command, args, {
    cwd: APP,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child.once(
    'exit',
    endWithTest(() => child.kill('SIGKILL')),
  )
  const lines: LogLine[] = []
  const texts: string[] = []
  const waiting = new Set<() => void>()
  const wakeAll = () => {
    for (const wake of waiting) wake()
  }
  let isOver = false
  const reader = createInterface({ input: child.stdout })
  reader.on('line', (text) => {
    texts.push(text)
    lines.push(text.startsWith('{') ? JSON.parse(text) : { msg: text })
    wakeAll()
  })
  reader.on('close', () => {
    isOver = true
    wakeAll()
  })

  return {
    pid: child.pid ?? 0,
    lines,
    texts,
    ended: once(child, 'exit').then(([code, signal]) => code ?? signal),
    signal: (signal) => child.kill(signal),
    async line(fits) {
      for (;;) {
        const found = lines.find(fits)
        if (found) return found
        if (isOver) throw new Error(`The program ended without that line. It said: ${JSON.stringify(lines, null, 1)}`)
        await new Promise<void>((resolve) => {
          const wake = () => {
            waiting.delete(wake)
            resolve()
          }
          waiting.add(wake)
        })
      }
    },
  }
}

export const runNode = (program: string, env: Record<string, string> = {}) =>
  run(process.execPath, [`dist/src/${program}.js`], { PORT: '0', ...env })
