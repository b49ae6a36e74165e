import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startAppLiar } from '../support/app-liar.ts'
import { command, TOP } from '../support/command.ts'
import { FORM_APP, startFormApp } from '../support/form-app.ts'
import { liarDescription } from '../support/prover.ts'

// k6 in a container needs an engine, so this test needs k6 as a program.
const skip = process.env.K6 ? false : 'K6 does not name a program'

/** Runs `make loadtest APP=` without the thresholds of k6, so only the judge decides. */
async function loadtest(t: TestContext, description: unknown) {
  const folder = await mkdtemp(join(tmpdir(), 'k6-app-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'app.yml')
  await writeFile(file, typeof description === 'string' ? description : JSON.stringify(description))
  const reports = `report/${folder.slice(-6)}`
  t.after(() => rm(`${TOP}/loadtest/${reports}`, { recursive: true, force: true }))
  const env = {
    ...{ REPORT_FOLDER: reports, LOAD_SECONDS: '2', LOAD_RATE: '10', LOAD_P95_MS: '10000', K6_NO_THRESHOLDS: 'true' },
    SHOP_PASSWORD: 'p&ss wörd',
  }
  const { code, output } = await command('make', ['loadtest', `APP=${file}`, `K6=${process.env.K6}`], env)
  const read = (lesson: string) => readFile(`${TOP}/loadtest/${reports}/${lesson}.json`, 'utf8').catch(() => '')
  return { code, output, all: await read('all'), load: await read('3-load') }
}

test('make loadtest APP=… proves an application with forms, redirects and CSRF tokens', { skip }, async (t) => {
  const { url } = await startFormApp(t)
  const { code, output, all } = await loadtest(t, FORM_APP.replace('URL', url))
  assert.match(output, /\nPROVED\n/)
  assert.match(output, /left +\d+ ok +\d+ ok\n +right +\d+ ok +\d+ ok\n/)
  assert.equal(code, 0)
  assert.ok(!output.includes('p&ss') && !all.includes('p&ss'))
})

test('make loadtest APP=… detects faulty applications', { skip }, async (t) => {
  for (const [lie, reason] of [
    ['keeps sessions on their node', /created on app-1, served by app-2: rejected/],
    ['logout on one node only', /after the logout, app-\d did not reject the cookie/],
    ['one node', /1 node only/],
  ] as const) {
    const { url } = await startAppLiar(t, lie)
    const { code, output } = await loadtest(t, liarDescription(url))
    assert.match(output, /\nNOT PROVED\n/)
    assert.match(output, reason)
    assert.notEqual(code, 0)
  }
})

test('make loadtest APP=… only puts load on an application that names no node, and says so', { skip }, async (t) => {
  const { url } = await startAppLiar(t, 'none')
  const { node, ...description } = liarDescription(url)
  const { code, output, load } = await loadtest(t, description)
  assert.match(output, /name no node, so k6 can only put load on it/)
  assert.match(load, /"proved": true/)
  assert.equal(code, 0)
})
