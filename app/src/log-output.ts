import { type DestinationStream, destination } from 'pino'

/** A write for each request would cost more than the rest of its line. A SIGKILL loses the lines of this time. */
const COLLECTED_MS = 50

/**
 * Two streams to standard output that keep the order of their lines. `collected` writes within 50 ms. `atOnce` writes during
 * the call, after all that is collected. A process that exits by itself loses no line, also after an uncaught error.
 */
export function createLogOutput(): { atOnce: DestinationStream; collected: DestinationStream } {
  const output = openOutput()
  let lines = ''
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    if (lines === '') return
    const all = lines
    lines = ''
    output.write(all)
  }
  process.once('exit', flush)

  return {
    atOnce: {
      write(line) {
        lines += line
        flush()
      },
    },
    collected: {
      write(line) {
        lines += line
        timer ??= setTimeout(flush, COLLECTED_MS)
      },
    },
  }
}

/**
 * Standard output. When its terminal is closed, a write fails with EIO. pino's stream would then retry endlessly at exit, and
 * the process could not stop. So this writes nothing more after such an error.
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
