import assert from 'node:assert/strict'
import { test } from 'node:test'
import { command, TOP } from '../support/command.ts'
import { startLiar } from '../support/liar.ts'

const runProver = (url: string, env: Record<string, string> = {}) =>
  command('node', [`${TOP}/test/dist/prove/main.js`, url], {
    NODE_NAMES: '',
    MIN_PER_CELL: '3',
    TEST_ACCOUNTS: '',
    ...env,
  })

test('make prove passes for a correct stack with any cookie name, and leaves no session', async (t) => {
  const { url, left, sessions } = await startLiar(t, 'none')
  const { code, output } = await runProver(url)
  assert.match(output, /\nPROVED\n/)
  assert.equal(code, 0)
  assert.ok(sessions.size >= 4)
  assert.equal(left(), 0)
})

test('make prove uses only the accounts in TEST_ACCOUNTS and prints none of their passwords', async (t) => {
  const { url, sessions } = await startLiar(t, 'none')
  const accounts = [1, 2].map((number) => ({ username: `own-${number}`, password: `secret-${number}` }))
  const { code, output } = await runProver(url, { TEST_ACCOUNTS: JSON.stringify(accounts) })
  assert.equal(code, 0)
  const used = [...sessions.values()].map(({ username }) => username)
  assert.deepEqual([...new Set(used)].sort(), ['own-1', 'own-2'])
  assert.ok(!output.includes('secret-'))
})

for (const [lie, reason] of [
  ['one node', /1 node only: nothing crossed from one node to another/],
  ['one creator', /created on app-2, served by app-1: seen 0 times, at least 3 are needed/],
  ['keeps sessions on their node', /created on app-1, served by app-2: rejected 3 times/],
  ['another user', /created on app-1, served by app-1: rejected 3 times/],
  ['logout does nothing', /after the logout, app-2 did not reject the cookie 3 times/],
  ['logout on one node only', /after the logout, app-\d did not reject the cookie 3 times/],
  ['always 401', /before the logout, app-1 accepted the copied cookie 0 of 3 times/],
  ['no login', /check "login succeeds": passed 0 of \d/],
] as const)
  test(`make prove detects a faulty stack: ${lie}`, async (t) => {
    const { url } = await startLiar(t, lie)
    const { code, output } = await runProver(url)
    assert.equal(code, 1)
    assert.match(output, /\nNOT PROVED\n/)
    assert.match(output, reason)
  })

test('make prove detects a node in NODE_NAMES that never serves a request', async (t) => {
  const { url } = await startLiar(t, 'none')
  const { code, output } = await runProver(url, { NODE_NAMES: 'app-1,app-2,app-3,app-4' })
  assert.equal(code, 1)
  assert.match(output, /\nNOT PROVED\n[\s\S]*created on app-1, served by app-4: seen 0 times, at least 3 are needed/)
  assert.match(output, /after the logout, app-4 rejected the cookie 0 times, at least 3 are needed/)
})

test('a MIN_PER_CELL of less than one fails: nothing was proved', async (t) => {
  const { url } = await startLiar(t, 'none')
  for (const minimum of ['0', '-1', '1.5', 'three']) {
    const { code, output } = await runProver(url, { MIN_PER_CELL: minimum })
    assert.equal(code, 1)
    assert.match(output, /Nothing was proved.*MIN_PER_CELL must be a whole number above 0/)
    assert.doesNotMatch(output, /\nPROVED\n/)
  }
})
