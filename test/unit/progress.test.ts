import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createProgress, type Output } from '../support/progress.ts'

/** Collects the output. A word replaces the escape code that clears the rest of the line. */
function screen(terminal: Omit<Output, 'write'> = {}) {
  let text = ''
  const out: Output = {
    ...terminal,
    write: (piece) => {
      text += piece
    },
  }
  return { out, text: () => text.replaceAll('\x1b[K', '<clear>') }
}
const TERMINAL = { isTTY: true, columns: 30 }
const env = { TERM: 'xterm' }

test('without a terminal, each step is one plain line with its result', async () => {
  for (const [terminal, more] of [
    [{}, {}],
    [TERMINAL, { CI: '1' }],
    [TERMINAL, { TERM: 'dumb' }],
    [TERMINAL, { VERBOSE: '1' }],
  ] as const) {
    const { out, text } = screen(terminal)
    const step = createProgress({ out, env: { ...env, ...more } })
    assert.equal(await step('First', async () => 1), 1)
    await step(
      'Second',
      async () => 2,
      (found) => `found ${found}`,
    )
    assert.equal(text(), 'First ... done, 0 s\nSecond ... found 2, 0 s\n')
  }
})

test('on a terminal, the line of a step updates and is cut to the width', async () => {
  const { out, text } = screen(TERMINAL)
  await createProgress({ out, env })('A title that is longer than the line', () => sleep(1_100))
  const moved = '\rA title that is longe ... 0 s<clear>'
  assert.equal(moved.length - '\r<clear>'.length, TERMINAL.columns - 1)
  const last = '\r<clear>A title that is longer than the line ... done, 1 s\n'
  assert.equal(text(), `${moved}${moved.replace('0 s', '1 s')}${last}`)
})

test('a failed step prints FAILED and passes its error on', async () => {
  const { out, text } = screen()
  const fail = async () => {
    throw new Error('no')
  }
  await assert.rejects(createProgress({ out, env })('First', fail), /^Error: no$/)
  assert.equal(text(), 'First ... FAILED after 0 s\n')
})
