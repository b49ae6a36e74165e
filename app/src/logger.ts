import { destination, type Logger, pino, stdTimeFunctions } from 'pino'

export type { Logger }

/** One JSON object a line on standard output: time, level as a word, and the node that wrote it. */
export function createLogger({ level, node }: { level: string; node: string }): Logger {
  return pino(
    {
      level,
      base: { node },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // Belt and braces: nothing logs these, and a line that ever carries one does not show it.
      redact: { paths: ['*.password', '*.token', '*.cookie', 'password', 'token', 'cookie'], censor: '[hidden]' },
      hooks: { streamWrite: escapeControls },
    },
    openOutput(),
  )
}

/** JSON need not escape DEL and U+0080 to U+009F, but a terminal takes some of them as escape codes: U+009B is CSI. */
const CONTROL = /[\u007f-\u009f]/
const CONTROLS = new RegExp(CONTROL, 'g')

/** Almost no line has one, so a line is looked at before it is copied. */
const escapeControls = (line: string) =>
  CONTROL.test(line)
    ? line.replaceAll(CONTROLS, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`)
    : line

/**
 * Standard output. When its terminal is closed, a write fails with EIO. The stream of pino would then retry at exit without
 * end, and the process could not stop. So after that, nothing more is written.
 */
function openOutput() {
  const output = destination({ fd: 1, sync: true })
  const ignore = () => {}
  output.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EIO' || code === 'EPIPE') Object.assign(output, { write: () => true, end: ignore, destroy: ignore })
    Object.assign(output, { flushSync: ignore })
  })
  return output
}
