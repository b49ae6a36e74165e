import type { Ended } from './messages.ts'
import type { FileResult } from './run-file.ts'

/** The interval between state lines if the output is no terminal. */
const EVERY_MS = 30_000
const MOVES_MS = 500

export interface Progress {
  started(name: string): void
  testEnded(name: string, ended: Ended): void
  fileEnded(name: string, result: FileResult): void
  /** Prints a line above the one that updates. */
  say(line: string): void
  end(): void
}

interface Settings {
  isVerbose?: boolean
  everyMs?: number
  out?: Pick<typeof process.stdout, 'isTTY' | 'columns' | 'write'>
}

/** Shows what is running: on a terminal in one line that updates, elsewhere in one line every half minute. */
export function showProgress(
  files: number,
  { isVerbose = false, everyMs = EVERY_MS, out = process.stdout }: Settings = {},
): Progress {
  const startedAt = performance.now()
  const running = new Set<string>()
  // By name: what a busy machine could not judge runs once more.
  const filesDone = new Set<string>()
  const testsDone = new Set<string>()

  const state = () =>
    `${clock((performance.now() - startedAt) / 1000)}  ${filesDone.size} of ${files} done, ${testsDone.size} tests. Running: ${[...running].join(', ')}`
  const move = () => out.write(`\r\x1b[K${state().slice(0, Math.max(0, out.columns - 1))}`)
  const timer = out.isTTY ? setInterval(move, MOVES_MS) : setInterval(() => out.write(`${state()}\n`), everyMs)

  function say(line: string): void {
    out.write(out.isTTY ? `\r\x1b[K${line}\n` : `${line}\n`)
    if (out.isTTY) move()
  }
  return {
    say,
    started: (name) => void running.add(name),
    testEnded(name, { name: title, result, seconds, reason }) {
      testsDone.add(`${name}: ${title}`)
      if (isVerbose || result === 'failed')
        say(`      ${result}: ${name}: ${title} (${result === 'skipped' ? reason : `${seconds.toFixed(1)} s`})`)
      if (isVerbose && result === 'failed') say(reason ?? '')
    },
    fileEnded(name, { tests, seconds, output }) {
      running.delete(name)
      filesDone.add(name)
      say(summaryOf(name, tests, seconds))
      if (isVerbose && output !== '') say(output)
    },
    end() {
      clearInterval(timer)
      if (out.isTTY) out.write('\r\x1b[K')
    },
  }
}

function summaryOf(name: string, tests: readonly Ended[], seconds: number): string {
  const count = (wanted: Ended['result']) => tests.filter(({ result }) => result === wanted).length
  const [failed, skipped] = [count('failed'), count('skipped')]
  const verdict = failed > 0 ? 'FAIL' : skipped === tests.length ? 'skip' : 'pass'
  const parts = [`${tests.length} ${tests.length === 1 ? 'test' : 'tests'}`]
  if (failed > 0) parts.push(`${failed} failed`)
  if (skipped > 0) parts.push(`${skipped} skipped`)
  return `${verdict}  ${name.padEnd(44)}  ${seconds.toFixed(1).padStart(6)} s  ${parts.join(', ')}`
}

/** 7:05 */
export const clock = (seconds: number) =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`
