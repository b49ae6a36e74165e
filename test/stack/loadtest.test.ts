import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import type { ProofReport } from 'loadtest/lib/report-page'
import { command, succeed, TOP } from '../support/command.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { createVisitor } from '../support/visitor.ts'

// test/run sets it if k6 is available: as the image, or as the program that K6 names.
const skip = process.env.HAVE_K6 === 'yes' ? false : 'there is no k6 here, neither its image nor a program'
const PROJECT = 'sessions-test-k6'
const REPORT = 'report/test'
const env = {
  COMPOSE_PROJECT_NAME: PROJECT,
  PORT: '',
  HTTPS_PORT: '',
  CONTROL_PORT: '',
  REPORT_FOLDER: REPORT,
  LOAD_SECONDS: '5',
  // The speed of this machine under test load is not tested here.
  LOAD_P95_MS: '1000',
}

before(async () => {
  if (skip) return
  env.PORT = String(await lastingPort())
  env.HTTPS_PORT = String(await lastingPort())
  env.CONTROL_PORT = String(await lastingPort())
  await succeed('make', ['up'], env)
})
after(async () => {
  if (skip) return
  await succeed('docker', ['compose', '--profile', '*', 'down', '--volumes', '--remove-orphans', '--rmi', 'local'], env)
})

const report = async (folder: string): Promise<ProofReport> =>
  JSON.parse(await readFile(`${TOP}/loadtest/${folder}/all.json`, 'utf8'))

test('make loadtest proves all nine pairs of nodes, prints the table, and writes a page and a JSON file', {
  skip,
}, async () => {
  const output = await succeed('make', ['loadtest'], env)
  // Two scenarios share the round-robin, so a node may receive one more request than needed.
  assert.match(output, /app-1(?: +\d+ ok){3} *\n +app-2(?: +\d+ ok){3} *\n +app-3(?: +\d+ ok){3} *\n/)
  assert.match(output, /\nPROVED\n/)
  assert.match(output, /\nRejected after logout: app-1 \d+, app-2 \d+, app-3 \d+\n/)
  const { proved, reasons, matrix, findings, checks } = await report(REPORT)
  assert.deepEqual([proved, reasons], [true, []])
  assert.equal(matrix.length, 9)
  assert.ok(matrix.every(({ honoured, rejected }) => honoured >= 5 && rejected === 0))
  assert.ok(findings.length >= 19 && findings.every(({ ok }) => ok))
  assert.ok(checks.every(({ passed, failed }) => passed > 0 && failed === 0))
  const page = await readFile(`${TOP}/loadtest/${REPORT}/all.html`, 'utf8')
  assert.doesNotMatch(page, /(src|href)=|@import|url\(/, 'the page loads an external resource')
  assert.match(page, /<td style="background[^>]*>\d+<small>honoured/)
})

test('make loadtest leaves the sessions of the demo user ada unchanged: no session ends and none is added', {
  skip,
}, async () => {
  const ada = createVisitor(`http://localhost:${env.PORT}`)
  assert.equal((await ada.logIn()).status, 200)
  for (let run = 0; run < 2; run++) {
    assert.match(await succeed('make', ['loadtest'], { ...env, LOAD_SECONDS: '2' }), /\nPROVED\n/)
    assert.match(await succeed('make', ['prove'], env), /\nPROVED\n/)
  }
  const { status, body } = await ada.ask('/api/sessions')
  assert.equal(status, 200)
  assert.equal(body.sessions?.length, 1)
  await ada.logOut()
  for (const pattern of ['session:*', 'test-account:*']) {
    assert.equal((await succeed('deploy/redis-cli', ['--raw', 'KEYS', pattern], env)).trim(), '')
  }
})

test('if every login fails, the run is not proved, even without the thresholds of k6', { skip }, async () => {
  const nobody = JSON.stringify([{ username: 'nobody', password: 'none' }])
  const broken = { ...env, TEST_ACCOUNTS: nobody, K6_NO_THRESHOLDS: 'true', LOAD_SECONDS: '1' }
  const { code, output } = await command('make', ['loadtest'], broken)
  assert.notEqual(code, 0)
  assert.match(output, /\nNOT PROVED\n[\s\S]*check "login succeeds": passed 0 of/)
  assert.equal((await report(REPORT)).proved, false)
})

test('a node that never serves a request leaves an empty cell, and an empty cell fails the run', { skip }, async () => {
  const { code, output } = await command('make', ['loadtest'], { ...env, NODE_NAMES: 'app-1,app-2,app-3,app-4' })
  assert.notEqual(code, 0)
  assert.match(output, /NOT PROVED[\s\S]*created on app-1, served by app-4: seen 0 times, at least 5 are needed/)
  assert.match(output, /session_honoured\{created_on:app-4,served_by:app-1\}: count>=5/)
})

test('a load run with responses slower than its threshold fails', { skip }, async () => {
  const { code, output } = await command('loadtest/run', ['3-load.ts'], { ...env, LOAD_SECONDS: '2', LOAD_P95_MS: '1' })
  assert.equal(code, 99)
  assert.match(output, /NOT PROVED[\s\S]*http_req_duration\{scenario:load,name:user\}: p\(95\)<1/)
})

test('each k6 lesson runs alone', { skip }, async () => {
  for (const lesson of ['1-matrix.ts', '2-logout.ts', '3-load.ts']) {
    assert.match(await succeed('loadtest/run', [lesson], { ...env, LOAD_SECONDS: '2' }), /\nPROVED\n/)
  }
})

test('the k6 lesson on faults runs alone and reports the number of responses of each status', { skip }, async () => {
  const output = await succeed('loadtest/run', ['4-faults.ts'], { ...env, LOAD_SECONDS: '2' })
  assert.match(output, /\n200: \d{2,}; 0 lost\n/)
  const { answers, lost } = JSON.parse(await readFile(`${TOP}/loadtest/${REPORT}/4-faults.json`, 'utf8'))
  assert.ok(answers['200'] > 80 && lost === 0)
})

test('make loadtest-control: nodes with sessions in their own memory fail the proof, and the report shows what was seen', {
  skip,
}, async () => {
  const output = await succeed('make', ['loadtest-control'], env)
  const seen = /The control failed, as it must\.[\s\S]*every time \((\d+) of \1\)[\s\S]*never did \(0 of (\d+)\)/.exec(
    output,
  )
  assert.ok(Number(seen?.[1]) >= 15 && Number(seen?.[2]) >= 30, output)
  const { matrix } = await report('report/control')
  for (const { createdOn, servedBy, honoured } of matrix) assert.equal(honoured > 0, createdOn === servedBy)
})

test('after make up TLS=1, make loadtest runs the same proof over TLS', { skip }, async () => {
  await succeed('make', ['up', 'TLS=1'], env)
  const output = await succeed('loadtest/run', ['1-matrix.ts'], env)
  assert.match(output, /\nPROVED\n/)
  const { url, matrix } = JSON.parse(await readFile(`${TOP}/loadtest/${REPORT}/1-matrix.json`, 'utf8')) as ProofReport
  assert.match(url, /^https:/)
  assert.ok(matrix.length === 9 && matrix.every(({ honoured, rejected }) => honoured >= 5 && rejected === 0))
})

test('make loadtest without a running stack fails with a message', { skip }, async () => {
  const { code, output } = await command('make', ['loadtest'], { ...env, COMPOSE_PROJECT_NAME: 'sessions-test-none' })
  assert.notEqual(code, 0)
  assert.match(output, /The stack is not running\. Start it with: make up/)
})
