import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { command, succeed, TOP } from '../support/command.ts'
import { GRACE } from '../support/http.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { until } from '../support/until.ts'
import { createVisitor } from '../support/visitor.ts'

// Simulates a machine without a Docker engine: this address has no server.
const env = { DOCKER_HOST: 'tcp://127.0.0.1:1', COMPOSE_PROJECT_NAME: `test-local-${process.pid}`, PORT: '', K6: '' }
const make = (...targets: string[]) => command('make', ['--no-print-directory', ...targets], env)
const url = () => `http://localhost:${env.PORT}`

before(async () => {
  env.PORT = String(await lastingPort())
})
after(async () => {
  await make('down')
  await rm(`${TOP}/.local/${env.COMPOSE_PROJECT_NAME}`, { recursive: true, force: true })
})

test('without an engine, targets that need a stack report that none is running and how to start one', async () => {
  for (const target of ['loadtest', 'logs', 'sessions', 'restart']) {
    const { code, output } = await make(target)
    assert.notEqual(code, 0)
    assert.match(output, /The stack is not running\. Start it with: make up/)
  }
})

test('without an engine, make up reports it in one line and starts the stack as processes', async () => {
  const output = await succeed('make', ['up'], env)
  assert.match(output, /^Docker with Compose v2 does not respond.*local processes\.$/m)
  assert.match(output, new RegExp(`${url()}[\\s\\S]*ada +analytical-engine[\\s\\S]*make loadtest[\\s\\S]*make logs`))
  const page = await (await fetch(url())).text()
  assert.match(page, /<title>One session, three nodes/)
})

test('make up works again on a stack that is up', async () => {
  assert.match(await succeed('make', ['up'], env), /already running/)
})

test('make prove, make ps, make sessions and make session work on the local stack', async () => {
  assert.match(await succeed('make', ['prove', `URL=${url()}`], env), /\nPROVED\n/)
  assert.match(
    await succeed('make', ['ps'], env),
    /balancer, process \d+\napp-1, process \d+\napp-2, process \d+\napp-3, process \d+\n/,
  )
  const visitor = createVisitor(url())
  await visitor.logIn()
  const token = visitor.cookie()?.slice('sid='.length) ?? ''
  const sessions = await succeed('make', ['sessions'], env)
  assert.match(sessions, new RegExp(`^ada +app-[123] +\\d+ +\\d+ +${token.slice(0, 6)}\\.\\.\\.$`, 'm'))
  assert.ok(!sessions.includes(token))
  assert.match(await succeed('make', ['session', `TOKEN=${token}`], env), /"username":"ada"[\s\S]*TTL \d+ s/)
  const unknown = await make('session', `TOKEN=${'x'.repeat(43)}`)
  assert.notEqual(unknown.code, 0)
  assert.match(unknown.output, /No such session/)
})

test('without Docker, make disable ends all sessions of an account and rejects its logins; make end-sessions only ends them', async () => {
  const [ada, grace] = [createVisitor(url()), createVisitor(url())]
  await ada.logIn()
  await grace.logIn(GRACE)
  assert.match(await succeed('make', ['disable', 'USER=ada'], env), /^Ended session \S+$[\s\S]*ada is disabled/m)
  assert.equal((await ada.whoAmI()).status, 401)
  assert.equal((await ada.logIn()).status, 401)
  assert.equal((await grace.whoAmI()).status, 200)
  await succeed('make', ['enable', 'USER=ada'], env)
  assert.equal((await ada.logIn()).status, 200)
  await succeed('make', ['end-sessions', 'USER=grace'], env)
  assert.equal((await grace.whoAmI()).status, 401)
  assert.equal((await grace.logIn(GRACE)).status, 200)
})

test('make up TLS=1 without an engine fails with a message that TLS needs Docker', async () => {
  const { code, output } = await make('up', 'TLS=1')
  assert.notEqual(code, 0)
  assert.match(output, /TLS needs nginx and Docker/)
})

test('make loadtest without k6 fails with a message that names make prove', async () => {
  const { code, output } = await make('loadtest')
  assert.notEqual(code, 0)
  assert.match(output, /Nothing was proved.*K6=k6.*make prove URL=/)
})

test('without an engine, the stack of make up keeps running after its terminal is closed', async () => {
  await succeed('make', ['down'], env)
  // The system sends SIGHUP to the process group that was started in the terminal.
  const terminal = spawn('make', ['up'], { cwd: TOP, env: { ...process.env, ...env }, stdio: 'ignore', detached: true })
  assert.deepEqual(await once(terminal, 'exit'), [0, null])
  try {
    process.kill(-(terminal.pid ?? 0), 'SIGHUP')
  } catch {
    // No process of the stack is in that group.
  }
  const log = await readFile(`${TOP}/.local/${env.COMPOSE_PROJECT_NAME}/log`, 'utf8')
  const [, pid] = /"started":"app-1","pid":(\d+)/.exec(log) ?? []
  // By a connection of its own: one that fetch has kept may belong to the stack before.
  const answer = await until('the stack answers', () =>
    fetch(url(), { headers: { connection: 'close' } }).catch(() => undefined),
  )
  assert.equal(answer.status, 200)
  process.kill(Number(pid), 0)
  assert.doesNotMatch(log, /Stopping/)
})

test('make down stops the whole local stack', async () => {
  assert.match(await succeed('make', ['down'], env), /Stopped/)
  await assert.rejects(fetch(url()))
  assert.match((await make('ps')).output, /Nothing is running/)
})

test('make up on a port in use fails with a message that names another port', async () => {
  const squatter = createServer().listen(Number(env.PORT), '127.0.0.1')
  await once(squatter, 'listening')
  try {
    const { code, output } = await make('up')
    assert.notEqual(code, 0)
    assert.match(output, new RegExp(`Port ${env.PORT} is in use\\. Run: make local PORT=9090`))
  } finally {
    squatter.close()
  }
})

test('make without a target prints each target on one line', async () => {
  const output = await succeed('make', ['--no-print-directory'], env)
  for (const target of [
    'up',
    'down',
    'logs',
    'ps',
    'restart',
    'scale',
    'clean',
    'loadtest',
    'loadtest-control',
    'prove',
    'test',
  ]) {
    assert.match(output, new RegExp(`^  make ${target} +\\S.*$`, 'm'))
  }
})
