import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { endWithTest } from './end-with-test.ts'

export const APP = fileURLToPath(new URL('../../../app/', import.meta.url))

export interface LogLine {
  level?: string
  node?: string
  msg?: string
  [field: string]: unknown
}

export interface Program {
  pid: number
  lines: LogLine[]
  /** The same lines as printed. */
  texts: string[]
  /** Returns the first past or future line that fits. Fails if the program exits without one. */
  line(fits: (line: LogLine) => boolean): Promise<LogLine>
  /** The address of a node, once it listens. */
  listening(): Promise<{ port: number; url: string }>
  signal(signal: NodeJS.Signals): void
  /** All lines, when the program has ended. */
  allLines: Promise<LogLine[]>
  /** The exit status, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>
}

/** Runs one of the programs like a user, with only the needed part of this process's environment. */
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

  async function line(fits: (line: LogLine) => boolean): Promise<LogLine> {
    for (;;) {
      const found = lines.find(fits)
      if (found) return found
      if (isOver) throw new Error(`The program exited without that line. Its lines: ${JSON.stringify(lines, null, 1)}`)
      await new Promise<void>((resolve) => {
        const wake = () => {
          waiting.delete(wake)
          resolve()
        }
        waiting.add(wake)
      })
    }
  }

  return {
    line,
    async listening() {
      const port = Number((await line(({ msg }) => msg === 'Listening')).port)
      return { port, url: `http://127.0.0.1:${port}` }
    },
    pid: child.pid ?? 0,
    lines,
    allLines: once(reader, 'close').then(() => lines),
    texts,
    ended: once(child, 'exit').then(([code, signal]) => code ?? signal),
    signal: (signal) => child.kill(signal),
  }
}

export const runNode = (program: string, env: Record<string, string> = {}) =>
  run(process.execPath, [`dist/src/${program}.js`], { PORT: '0', ...env })
