import { type Logger, type LoggerOptions, pino, stdTimeFunctions } from 'pino'
import { createLogOutput } from './log-output.ts'

export type { Logger }

/** The loggers of one node. Their lines keep their order. */
export interface NodeLoggers {
  /** Writes each line at once: events of sessions, warnings, errors. */
  log: Logger
  /** Collects lines for a moment: the answered requests. It redacts nothing, so it takes no objects of other code. */
  access: Logger
}

interface Given {
  level: string
  node: string
}

export function createNodeLoggers({ level, node }: Given): NodeLoggers {
  const { atOnce, collected } = createLogOutput()
  /** One JSON object a line: time, level as a word, and the node that wrote it. */
  const options: LoggerOptions = {
    level,
    base: { node },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    hooks: { streamWrite: escapeControls },
  }
  return { log: pino({ ...options, redact: REDACT }, atOnce), access: pino(options, collected) }
}

/** For a program that logs no requests. */
export const createLogger = (given: Given): Logger => createNodeLoggers(given).log

/** No code logs these. This is a second protection. */
const REDACT = { paths: ['*.password', '*.token', '*.cookie', 'password', 'token', 'cookie'], censor: '[hidden]' }

/** JSON allows DEL and U+0080 to U+009F, but a terminal interprets some of them as escape codes: U+009B is CSI. */
const escapeControls = (line: string) =>
  line.replace(/[\u007f-\u009f]/g, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`)
