import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { command, type Result, succeed, TOP } from '../support/command.ts'
import { ADA } from '../support/http.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { until } from '../support/until.ts'
import { createVisitor } from '../support/visitor.ts'

// A local stack, so the tests also run without Docker.
const env = {
  ...{ DOCKER_HOST: 'tcp://127.0.0.1:1', COMPOSE_PROJECT_NAME: `test-accounts-${process.pid}`, PORT: '', TLS: '' },
  ...{ NODE_NAMES: '', TEST_ACCOUNTS: '', MIN_PER_CELL: '', K6: '', REPORT_FOLDER: `report/test-${process.pid}` },
}
const REPORT = `${TOP}/loadtest/${env.REPORT_FOLDER}`
let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'own-accounts-'))
  env.PORT = String(await lastingPort())
  await succeed('make', ['local'], env)
})
after(async () => {
  await succeed('make', ['down'], env)
  await rm(REPORT, { recursive: true, force: true })
  await rm(`${TOP}/.local/${env.COMPOSE_PROJECT_NAME}`, { recursive: true, force: true })
  await rm(folder, { recursive: true })
})

const url = () => `http://localhost:${env.PORT}`
const keysLike = async (pattern: string) =>
  (await succeed('deploy/redis-cli', ['--raw', 'KEYS', pattern], env)).split('\n').filter((key) => key !== '')

/** ada in a browser while a program runs. Asserts that she stays logged in and that only she has logged in as ada. */
async function withAda<T>(run: () => Promise<T>): Promise<T> {
  const ada = createVisitor(url())
  assert.equal((await ada.logIn(ADA)).status, 200)
  try {
    const result = await run()
    const { status, body } = await ada.ask('/api/sessions')
    assert.equal(status, 200)
    assert.equal(body.sessions?.length, 1)
    assert.equal((await keysLike('session:*')).length, 1)
    assert.deepEqual(await keysLike('test-account:*'), [])
    const events = await succeed('deploy/redis-cli', ['--raw', 'XRANGE', 'events', '-', '+'], env)
    assert.equal(events.match(/"type":"login","user":"ada"/g)?.length, ++logins, 'only this browser logged in as ada')
    return result
  } finally {
    await ada.logOut()
  }
}
let logins = 0

/** Runs loadtest/run with a stub instead of k6. */
async function runInsteadOfK6(script: string): Promise<Result> {
  const program = join(folder, 'k6')
  await writeFile(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return command('loadtest/run', [], { ...env, K6: program })
}

test('make prove, run twice, leaves ada logged in and removes its own accounts and sessions', async () => {
  await withAda(async () => {
    for (let run = 0; run < 2; run++) assert.match(await succeed('make', ['prove'], env), /\nPROVED\n/)
  })
})

test('a failed proof also removes its accounts and sessions', async () => {
  const { code, output } = await withAda(() =>
    command('test/prove/run', [], { ...env, NODE_NAMES: 'app-1,app-2,app-9' }),
  )
  assert.equal(code, 1)
  assert.match(output, /NOT PROVED[\s\S]*served by app-9: seen 0 times/)
})

test('make prove with the address of another stack uses the demo accounts and logs out all its sessions', async () => {
  const elsewhere = `http://127.0.0.1:${env.PORT}`
  assert.match(await succeed('make', ['prove', `URL=${elsewhere}`], env), /\nPROVED\n/)
  assert.deepEqual(await keysLike('session:*'), [])
  const events = await succeed('deploy/redis-cli', ['--raw', 'XRANGE', 'events', '-', '+'], env)
  logins = events.match(/"type":"login","user":"ada"/g)?.length ?? 0
})

test('a proof stopped with Ctrl-C removes its accounts and sessions and is not proved', async () => {
  const { code, output } = await withAda(async () => {
    // Its own process group, as in a terminal, and too many requests to finish before the signal.
    const child = spawn('test/prove/run', [], {
      ...{ cwd: TOP, env: { ...process.env, ...env, MIN_PER_CELL: '100000' }, detached: true },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (said += piece))
    const closed = once(child, 'close')
    await until('the proof has sessions', async () => (await keysLike('session:*')).length > 1)
    process.kill(-(child.pid ?? 0), 'SIGINT')
    const [status] = await closed
    return { code: status, output: said }
  })
  assert.notEqual(code, 0)
  assert.doesNotMatch(output, /PROVED\n/)
})

test('test accounts can be kept for another hour, and a run learns if they have expired', async () => {
  const TEST_ACCOUNTS = await succeed('deploy/test-accounts', ['create', 'long', '2'], env)
  const [key = '', other = ''] = await keysLike('test-account:long-*')
  const redis = (...words: string[]) => succeed('deploy/redis-cli', ['--raw', ...words], env)
  await redis('EXPIRE', key, '60')
  await succeed('deploy/test-accounts', ['keep'], { ...env, TEST_ACCOUNTS })
  assert.ok(Number(await redis('TTL', key)) > 3_000)
  await redis('DEL', other)
  const { code, output } = await command('deploy/test-accounts', ['keep'], { ...env, TEST_ACCOUNTS })
  assert.equal(code, 1)
  assert.match(output, /some have expired/)
  await succeed('deploy/test-accounts', ['remove'], { ...env, TEST_ACCOUNTS })
})

test('loadtest/run passes its test accounts to k6 in the environment and always removes them', async () => {
  const file = join(folder, 'accounts.json')
  const { code } = await withAda(() =>
    runInsteadOfK6(`case "$*" in *password*) exit 9 ;; esac; printf %s "$TEST_ACCOUNTS" > ${file}; exit 3`),
  )
  assert.equal(code, 3)
  const accounts: { username: string; password: string }[] = JSON.parse(await readFile(file, 'utf8'))
  assert.ok(accounts.length >= 18)
  assert.ok(accounts.every(({ username, password }) => /^load-[0-9a-f]{8}-\d+$/.test(username) && password.length > 20))
  assert.equal((await createVisitor(url()).logIn(accounts[0])).status, 401)
})

for (const [what, script] of [
  ['left no report', 'exit 0'],
  ['left a report that says "not proved"', `printf '{\\n  "proved": false,\\n' > "$REPORT_FOLDER/all.json"`],
  ['left a report without a verdict', `echo '{}' > "$REPORT_FOLDER/all.json"`],
])
  test(`loadtest/run fails if k6 exits with status 0 and ${what}, also with a report of an earlier run`, async () => {
    const earlier = await runInsteadOfK6(`printf '{\\n  "proved": true,\\n' > "$REPORT_FOLDER/all.json"`)
    assert.equal(earlier.code, 0)
    const { code, output } = await runInsteadOfK6(script ?? '')
    assert.equal(code, 1)
    assert.match(output, /Nothing was proved|Not proved/)
  })

test('loadtest/run reports accounts that it could not remove, and fails', async () => {
  const proved = `printf '{\\n  "proved": true,\\n' > "$REPORT_FOLDER/all.json"`
  const { code, output } = await runInsteadOfK6(
    `${proved}; cd ..; deploy/redis-cli ACL SETUSER default -del > /dev/null`,
  )
  assert.equal(code, 1)
  assert.match(output, /The accounts of this run were not removed/)
  await succeed('deploy/redis-cli', ['ACL', 'SETUSER', 'default', '+del'], env)
  const left = await keysLike('test-account:*')
  assert.ok(left.length > 0)
  await succeed('deploy/redis-cli', ['DEL', ...left], env)
})
