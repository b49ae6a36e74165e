import { performance } from 'node:perf_hooks'

/** The output for progress: a terminal (isTTY) or any other text output. */
export interface Output {
  write(text: string): unknown
  isTTY?: boolean
  columns?: number
}

/** Shows `title` while `work` runs, then the result of `resultOf`, by default "done", or FAILED if `work` throws. */
export type ShowStep = <T>(title: string, work: () => Promise<T>, resultOf?: (result: T) => string) => Promise<T>

interface Given {
  out?: Output
  env?: Record<string, string | undefined>
}

/**
 * Shows the progress of a program like deploy/progress.sh. On a terminal the line updates. Otherwise (a pipe, CI=1,
 * TERM=dumb, VERBOSE=1) it is written once.
 */
export function createProgress({ out = process.stdout, env = process.env }: Given = {}): ShowStep {
  const moves = out.isTTY === true && (env.TERM ?? 'dumb') !== 'dumb' && !env.CI && !env.VERBOSE
  return async (title, work, resultOf = () => 'done') => {
    const startedMs = performance.now()
    const seconds = () => Math.floor((performance.now() - startedMs) / 1000)
    const show = () => out.write(`\r${cut(title, ` ... ${seconds()} s`, (out.columns || 80) - 1)}\x1b[K`)
    const end = (result: string) => out.write(`${moves ? `\r\x1b[K${title} ... ` : ''}${result} ${seconds()} s\n`)
    if (moves) show()
    else out.write(`${title} ... `)
    const timer = moves ? setInterval(show, 1_000).unref() : undefined
    try {
      const result = await work()
      clearInterval(timer)
      end(`${resultOf(result)},`)
      return result
    } catch (error) {
      clearInterval(timer)
      end('FAILED after')
      throw error
    }
  }
}

/** A wrapped line could not be replaced. */
const cut = (title: string, end: string, width: number) =>
  `${title.slice(0, Math.max(0, width - end.length))}${end}`.slice(0, width)
