// deploy/progress.sh: the output of make while a step runs and when it ends.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { command, TOP } from '../support/command.ts'
import { until } from '../support/until.ts'

/** CI and VERBOSE are settings of the test run. */
const ENV = { CI: '', VERBOSE: '', TERM: 'xterm', STEP_OUTSIDE: '' }
const run = (lines: string, env: Record<string, string> = {}) =>
  command('bash', ['-c', `source deploy/lib.sh\n${lines}`], { ...ENV, ...env })

const hasTerminal = spawnSync('script', ['-qec', 'true', '/dev/null'], { stdio: 'ignore' }).status === 0
const skip = hasTerminal ? false : 'script of util-linux, which opens a terminal, is not installed'

test('without a terminal, every step is one plain line and its output is hidden', async () => {
  const { code, output } = await run(`step 'First' 'It failed.' echo noise; step 'Second' 'It failed.' true`)
  assert.equal(code, 0)
  assert.match(output, /^First \.\.\. done, \d s\nSecond \.\.\. done, \d s\n$/)
})

test('a failed step shows its whole output and then one message, and the script exits with its status', async () => {
  const { code, output } = await run(`
    work() { echo one; echo two >&2; (exit 17); echo never; }
    step 'Work' 'Nothing was done. Run: make up' work
    say later`)
  assert.equal(code, 17)
  // The line of the step is on stdout, the rest on stderr.
  assert.match(output, /^Work \.\.\. FAILED after \d s$/m)
  assert.match(output, /one\ntwo\nNothing was done\. Run: make up$/m)
  assert.doesNotMatch(output, /never|later|done,/)
})

test('the output of a nested step is hidden with the outer step, and shown if it fails', async () => {
  const inner = (line: string) => `step Outer 'Outer failed.' bash -c 'source deploy/lib.sh; ${line}'`
  assert.match((await run(inner('step Inner "Inner failed." true'))).output, /^Outer \.\.\. done, \d s\n$/)
  const { code, output } = await run(inner('step Inner "Inner failed." bash -c "exit 5"'))
  assert.equal(code, 5)
  assert.match(output, /Inner \.\.\. FAILED after \d s\nInner failed\.\nOuter failed\.$/m)
})

test('VERBOSE=1 hides nothing', async () => {
  const { output } = await run(`step 'First' 'It failed.' echo noise`, { VERBOSE: '1' })
  assert.match(output, /^First \.\.\. \nnoise\nFirst \.\.\. done, \d s\n$/)
})

test('on a terminal, the line updates, shows the usual duration, and is cut to the width', { skip }, async (t) => {
  const terminal = await inTerminal(
    t,
    `stty cols 30; USUAL_SECONDS=3; step 'Build something large' 'It failed.' sleep 2`,
  )
  assert.deepEqual(await terminal.ended, [0, null])
  const [last = '', ...lines] = terminal
    .output()
    .split('\r')
    .filter((line) => line.trim() !== '')
    .reverse()
  assert.match(last, /^<clear>Build something large \.\.\. done, \d s$/)
  assert.ok(lines.length >= 2, terminal.output())
  for (const line of lines) {
    assert.match(line, /^Build so \.\.\. \d s of about 3 s<clear>$/)
    assert.ok(line.length - '<clear>'.length < 30)
  }
})

for (const [name, value] of [
  ['CI', '1'],
  ['TERM', 'dumb'],
] as const) {
  test(`with ${name}=${value}, the lines are plain on a terminal too`, { skip }, async (t) => {
    const terminal = await inTerminal(t, `step First 'It failed.' echo noise`, { [name]: value })
    assert.deepEqual(await terminal.ended, [0, null])
    assert.match(terminal.output(), /^First \.\.\. done, \d s\r\n$/)
  })
}

test('Ctrl-C ends the step’s command, clears the line, cleans up, and exits with status 130', { skip }, async (t) => {
  const folder = await ownFolder(t)
  const terminal = await inTerminal(t, WAITS, { FOLDER: folder, TMPDIR: folder })
  const pid = await pidIn(folder)
  terminal.child.stdin?.write('\x03')
  assert.deepEqual(await terminal.ended, [130, null])
  assert.match(terminal.output(), /\r<clear>Wait \.\.\. stopped after \d s\r\ncleaned up\r\n$/)
  await leavesNothing(pid, folder)
})

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  test(`${signal} to the script alone ends the command of its step, also of a nested step`, async (t) => {
    for (const lines of [WAITS, `step Outer 'It failed.' bash -c 'source deploy/lib.sh; eval "$WAITS"'; say never`]) {
      const folder = await ownFolder(t)
      const child = spawn('bash', ['-c', `source deploy/lib.sh\n${lines}`], {
        cwd: TOP,
        env: { ...process.env, ...ENV, FOLDER: folder, TMPDIR: folder, WAITS },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const said = outputOf(child)
      const ended = once(child, 'exit')
      const pid = await pidIn(folder)
      child.kill(signal)
      assert.deepEqual(await ended, [status, null])
      assert.match(said(), / \.\.\. stopped after \d s\n/)
      assert.doesNotMatch(said(), /never/)
      await leavesNothing(pid, folder)
    }
  })
}

/** A script whose step writes its process ID and waits until it is stopped. */
const WAITS = `trap 'echo cleaned up' EXIT
wait_long() { sh -c 'echo $$ > "$FOLDER/pid"; exec sleep 600'; echo never; }
step Wait 'It failed.' wait_long
say never`

async function inTerminal(t: TestContext, lines: string, env: Record<string, string> = {}) {
  const child = spawn('script', ['-qec', `exec bash -c 'source deploy/lib.sh; eval "$LINES_TO_RUN"'`, '/dev/null'], {
    cwd: TOP,
    env: { ...process.env, ...ENV, ...env, LINES_TO_RUN: lines },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  return { child, output: outputOf(child), ended: once(child, 'exit') }
}

function outputOf(child: ChildProcess): () => string {
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    output += piece
  })
  // Shows the escape code that clears the rest of a line as a word.
  return () => output.replaceAll('\x1b[K', '<clear>')
}

async function ownFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'progress-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

const pidIn = (folder: string) =>
  until('the step’s command is running', async () => {
    const text = await readFile(join(folder, 'pid'), 'utf8').catch(() => '')
    return Number(text) || undefined
  })

async function leavesNothing(pid: number, folder: string): Promise<void> {
  await until('the step’s command has exited', () => {
    try {
      return !process.kill(pid, 0)
    } catch {
      return true
    }
  })
  assert.deepEqual(await readdir(folder), ['pid'])
}
