import assert from 'node:assert/strict'
import { test } from 'node:test'
import { command } from '../support/command.ts'

/** Five quick mutants of few suites, each of which runs once more without a mutant. make mutants runs all of them. */
const SAMPLE = [
  ...['csrf-null-origin-let-in', 'csrf-origin-ignored', 'token-from-math-random'],
  ...['failures-not-noted', 'network-takes-all-requests'],
]

test('for each of five broken protections, its test fails', async () => {
  const { code, output } = await command('test/mutants/run', SAMPLE)
  assert.match(output, /^5 of 5 mutants noticed/m)
  assert.equal(code, 0)
})
