import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { command, TOP } from '../support/command.ts'
import { type Lie, startLiar } from '../support/liar.ts'

// k6 in a container cannot reach this machine's loopback address, so this test needs k6 as a program.
const skip = process.env.K6 ? false : 'K6 does not name a program'

/** Runs one lesson against a faulty stack without the thresholds of k6, so only the judge decides. */
async function run(t: TestContext, lesson: string, lie: Lie) {
  const liar = await startLiar(t, lie)
  const folder = await mkdtemp(join(tmpdir(), 'k6-lies-'))
  t.after(() => rm(folder, { recursive: true }))
  const { output } = await command(
    process.env.K6 ?? '',
    ['run', '--quiet', '--no-usage-report', `${TOP}/loadtest/${lesson}.ts`],
    {
      ...{ BASE_URL: liar.url, NODE_NAMES: 'app-1,app-2,app-3', REPORT_FOLDER: folder, TEST_ACCOUNTS: '' },
      ...{ LOAD_SECONDS: '1', LOAD_P95_MS: '1000', K6_NO_THRESHOLDS: 'true' },
    },
  )
  const { proved, reasons } = JSON.parse(await readFile(`${folder}/${lesson}.json`, 'utf8'))
  return { proved, reasons: reasons.join('\n'), output, left: liar.left() }
}

test('k6 reports no failure for a correct stack with any cookie name', {
  skip,
}, async (t) => {
  for (const lesson of ['1-matrix', '2-logout', '3-load', '4-faults']) {
    const { proved, reasons } = await run(t, lesson, 'none')
    assert.equal(proved, true, `${lesson}: ${reasons}`)
  }
})

test('k6 follows its sessions through token rotations and reports none as lost', { skip }, async (t) => {
  for (const lesson of ['1-matrix', '3-load', '4-faults']) {
    const { proved, reasons } = await run(t, lesson, 'rotates')
    assert.equal(proved, true, `${lesson}: ${reasons}`)
  }
})

for (const [lesson, lie, reason] of [
  ['all', 'no login', /check "login succeeds": passed 0 of/],
  ['1-matrix', 'one node', /created on app-2, served by app-1: seen 0 times/],
  ['1-matrix', 'one creator', /created on app-2, served by app-1: seen 0 times/],
  ['1-matrix', 'keeps sessions on their node', /created on app-1, served by app-2: rejected/],
  ['1-matrix', 'another user', /created on app-1, served by app-1: rejected/],
  ['2-logout', 'logout does nothing', /after the logout, app-2 did not reject the cookie/],
  ['2-logout', 'logout on one node only', /after the logout, app-\d did not reject the cookie/],
  ['2-logout', 'always 401', /before the logout, app-1 accepted the copied cookie 0 of/],
  ['3-load', 'always 401', /under load 0 sessions were honoured/],
  ['4-faults', 'always 401', /requests found their session lost/],
  ['4-faults', 'another user', /requests found their session lost/],
] as const) {
  test(`${lesson}.ts detects a faulty stack: ${lie}`, { skip }, async (t) => {
    const { proved, reasons } = await run(t, lesson, lie)
    assert.equal(proved, false)
    assert.match(reasons, reason)
  })
}
