import { type Logger, pino, stdTimeFunctions } from 'pino'

export type { Logger }

/** One JSON object a line on standard output: time, level as a word, and the node that wrote it. */
export function createLogger({ level, node }: { level: string; node: string }): Logger {
  return pino({
    level,
    base: { node },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    // Belt and braces: nothing logs these, and a line that ever carries one does not show it.
    redact: { paths: ['*.password', '*.token', '*.cookie', 'password', 'token', 'cookie'], censor: '[hidden]' },
  })
}
