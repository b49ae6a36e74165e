import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { TOP } from '../lib/command.ts'
import { hasK6 } from '../lib/k6.ts'
import { RECORDER_RATE } from './load.ts'

/** What k6 saw, beside the recorder: loadtest/4-faults.ts. */
export interface K6Saw {
  answers: Record<string, number>
  slowestMs: number
  lost: number
  missed: string[]
}

/** For the report: what it was that users did. */
export const describeLoad = () =>
  hasK6()
    ? `${RECORDER_RATE} requests a second of the recorder and ${RATE} of k6`
    : `${RECORDER_RATE} requests a second of the recorder, without k6,`

const NOTHING: K6Saw = { answers: {}, slowestMs: 0, lost: 0, missed: [] }
const FOLDER = 'report/faults'
const RATE = 30
const FILE = `${TOP}/loadtest/${FOLDER}/4-faults.json`

/** Puts load on with k6 for so long, where k6 is to be had: the program that K6 names, or the image (HAVE_K6=yes). */
export async function startK6(seconds: number): Promise<{ finished: Promise<K6Saw> }> {
  if (!hasK6() || seconds === 0) return { finished: Promise.resolve(NOTHING) }
  await rm(FILE, { force: true })
  const settings = { LOAD_SECONDS: String(seconds), LOAD_RATE: String(RATE), REPORT_FOLDER: FOLDER }
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
  // What ends before it is ready says why in the end.
  await Promise.race([ready, ended])
  return { finished: ended.then(([code]) => read(code, output)) }
}

async function read(code: number, output: string): Promise<K6Saw> {
  try {
    const { answers, slowestMs, lost } = JSON.parse(await readFile(FILE, 'utf8'))
    return { answers, slowestMs, lost, missed: code === 0 ? [] : [`k6: ${lost} sessions lost, or none was honoured`] }
  } catch {
    return { ...NOTHING, missed: [`k6 ended with ${code}: ${output.trim().split('\n').at(-1)}`] }
  }
}
