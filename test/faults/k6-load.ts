import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { TOP } from '../support/command.ts'
import { hasK6 } from '../support/k6.ts'
import { RECORDER_RATE } from './load.ts'

/** The results of k6, which runs loadtest/4-faults.ts beside the recorder. */
export interface K6Saw {
  answers: Record<string, number>
  slowestMs: number
  lost: number
  missed: string[]
}

/** The description of the load in the report. */
export const describeLoad = () =>
  hasK6()
    ? `${RECORDER_RATE} requests a second of the recorder and ${RATE} of k6`
    : `${RECORDER_RATE} requests a second of the recorder, without k6,`

const NOTHING: K6Saw = { answers: {}, slowestMs: 0, lost: 0, missed: [] }
const FOLDER = 'report/faults'
const RATE = 30
const FILE = `${TOP}/loadtest/${FOLDER}/4-faults.json`

/** Runs k6 for this time if k6 is available: as the program that K6 names, or as the image (HAVE_K6=yes). */
export async function startK6(seconds: number): Promise<{ finished: Promise<K6Saw> }> {
  if (!hasK6() || seconds === 0) return { finished: Promise.resolve(NOTHING) }
  await rm(FILE, { force: true })
  // Without VERBOSE, the script hides the output of k6, including "k6 is ready".
  const settings = { LOAD_SECONDS: String(seconds), LOAD_RATE: String(RATE), REPORT_FOLDER: FOLDER, VERBOSE: '1' }
  const child = spawn('loadtest/run', ['4-faults.ts'], {
    cwd: TOP,
    env: { ...process.env, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const ended = once(child, 'close')
  const ready = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (piece: string) => {
        output += piece
        if (output.includes('k6 is ready')) resolve()
      })
    }
  })
  // A k6 that exits before it is ready reports the cause at exit.
  await Promise.race([ready, ended])
  return { finished: ended.then(([code]) => read(code, output)) }
}

async function read(code: number, output: string): Promise<K6Saw> {
  try {
    const { answers, slowestMs, lost } = JSON.parse(await readFile(FILE, 'utf8'))
    return { answers, slowestMs, lost, missed: code === 0 ? [] : [`k6: ${lost} sessions lost, or none accepted`] }
  } catch {
    return { ...NOTHING, missed: [`k6 exited with status ${code}: ${output.trim().split('\n').at(-1)}`] }
  }
}
