import assert from 'node:assert/strict'
import { test } from 'node:test'
import { showProgress } from '../runner/progress.ts'
import { until } from '../support/until.ts'

test('a file that runs once more counts once', async () => {
  const said: string[] = []
  const out = { isTTY: false, columns: 80, write: (text: string) => said.push(text) > 0 }
  const progress = showProgress(2, { everyMs: 10, out })
  const ended = { name: 'one guarantee', result: 'passed' as const, seconds: 1 }
  for (let run = 0; run < 2; run++) {
    progress.started('stack/soak')
    progress.testEnded('stack/soak', ended)
    progress.fileEnded('stack/soak', { tests: [ended], seconds: 1, output: '' })
  }
  const state = await until('the state is printed', () => said.find((text) => text.includes('done')))
  progress.end()
  assert.match(state, / 1 of 2 done, 1 tests\. /)
})
