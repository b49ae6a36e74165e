import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Checkout, checkOut } from '../support/checkout.ts'
import { command, succeed } from '../support/command.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { until } from '../support/until.ts'
import { createVisitor } from '../support/visitor.ts'

const PROJECT = 'sessions-test-machine'
/** Settings of an unrelated environment: conda, CDPATH, an unreachable proxy, another Compose project. */
const SHELL = {
  COMPOSE_PROJECT_NAME: PROJECT,
  COMPOSE_DISABLE_ENV_FILE: '0',
  HOST: 'x86_64-conda-linux-gnu',
  CDPATH: '/tmp:..',
  http_proxy: 'http://127.0.0.1:9',
  HTTP_PROXY: 'http://127.0.0.1:9',
  COMPOSE_FILE: '/nonexistent.yml',
  COMPOSE_PROFILES: 'test',
}

let checkout: Checkout
let port: number
let tlsPort: number

before(async () => {
  checkout = await checkOut()
  port = await lastingPort()
  tlsPort = await lastingPort()
  await writeEnvFile()
})
after(async () => {
  const everything = ['--timeout', '1', '--volumes', '--remove-orphans', '--rmi', 'local']
  const { code, output } = await compose('--profile', '*', 'down', ...everything)
  await checkout.remove()
  assert.equal(code, 0, output)
})

const writeEnvFile = (...more: string[]) =>
  writeFile(
    join(checkout.folder, '.env'),
    [
      ...[`PORT=${port}`, `HTTPS_PORT=${tlsPort}`, 'SESSION_TTL_SECONDS=77', 'PUBLIC_HOST=example.test'],
      ...['REDIS_DEADLINE_MS=2000', ...more],
    ].join('\n'),
  )
const make = (words: string[], env: Record<string, string> = {}) =>
  succeed('env', ['-u', 'PORT', '-u', 'HTTPS_PORT', 'make', ...words], { ...SHELL, ...env }, checkout.folder)
/** Runs Compose directly, without make. */
const compose = (...words: string[]) =>
  command(
    'docker',
    ['compose', ...words],
    { COMPOSE_PROJECT_NAME: PROJECT, COMPOSE_DISABLE_ENV_FILE: '0' },
    checkout.folder,
  )
const url = () => `http://localhost:${port}`

test('docker compose up in a fresh clone fails with a message that names the command to run first', async () => {
  const { code, output } = await compose('up', '--detach')
  assert.notEqual(code, 0)
  assert.match(output, /^.*run-make-up-first.*$/m)
})

test('the stack becomes healthy with umask 077, a space in its path, a .env file and unrelated environment variables', async () => {
  assert.ok((await make(['up'])).includes(url()))
  const visitor = createVisitor(url())
  const { status, body } = await visitor.logIn()
  assert.equal(status, 200)
  const { createdAt = '', expiresAt = '' } = body.session ?? {}
  assert.equal(Date.parse(expiresAt) - Date.parse(createdAt), 77_000)
  // Compose reads the same settings itself. It would replace a container that had different ones.
  const nodes = (await compose('ps', '--quiet', 'app')).output
  assert.equal((await compose('up', '--detach', '--wait', 'app')).code, 0)
  assert.equal((await compose('ps', '--quiet', 'app')).output, nodes)
})

test('a healthy stack logs no error, no warning, and no line for static files', async () => {
  for (const path of ['/', '/style.css', '/icon.svg', '/main.js']) {
    assert.equal((await createVisitor(url()).ask(path)).status, 200, path)
  }
  const visitor = createVisitor(url())
  await visitor.logIn()
  await visitor.whoAmI()
  const page = new AbortController()
  assert.equal((await fetch(`${url()}/api/events`, { signal: page.signal })).status, 200)
  page.abort()
  await visitor.logOut()
  assert.equal((await fetch(`${url()}/nothing-here`)).status, 404)
  const { output } = await until('all requests are in the log', async () => {
    const log = await compose('logs', '--no-color', '--no-log-prefix', 'nginx', 'app', 'redis')
    // nginx writes its lines a moment later than the nodes.
    return /"node":"nginx".*"path":"\/nothing-here"/.test(log.output) ? log : undefined
  })
  assert.match(output, /"node":"nginx".*"path":"\/auth\/logout"/)
  assert.doesNotMatch(output, /"level":"(warn|error|fatal)"|\[(warn|error|crit|alert|emerg)\]|could not be resolved/m)
  assert.doesNotMatch(output, /"path":"\/(style\.css|icon\.svg|main\.js)?"/)
})

test('without the nodes of make control, only requests to /control/ get an error, which names the command', async () => {
  const answer = await fetch(`${url()}/control/api/user`)
  assert.equal(answer.status, 503)
  assert.match(await answer.text(), /Start them with: make control/)
})

test('make up keeps the number of nodes set by make scale, and reports it', async () => {
  await make(['scale', 'N=4'])
  assert.match(await make(['up']), /The stack keeps its 4 nodes, as set with make scale/)
  const names = (await compose('ps', 'app', '--format', '{{.Name}}')).output.trim().split('\n').sort()
  assert.deepEqual(
    names,
    [1, 2, 3, 4].map((number) => `${PROJECT}-app-${number}`),
  )
})

test('every service becomes healthy although Docker’s configuration names unreachable proxies', async () => {
  const folder = join(checkout.folder, '..', 'docker')
  await mkdir(folder)
  const proxy = 'http://127.0.0.1:9'
  const proxies = { default: { httpProxy: proxy, httpsProxy: proxy } }
  await writeFile(join(folder, 'config.json'), JSON.stringify({ proxies }))
  await make(['down'])
  await make(['up'], { DOCKER_CONFIG: folder })
  // Docker added them to the environment.
  const { output } = await compose('exec', '--no-TTY', 'nginx', 'env')
  assert.match(output, /^http_proxy=http:\/\/127\.0\.0\.1:9$/m)
  assert.equal((await createVisitor(url()).logIn()).status, 200)
  // k6 is a Go program, so it would use the proxy for nginx too.
  const { services } = JSON.parse((await compose('--profile', '*', 'config', '--format', 'json')).output)
  assert.equal(services.k6.environment.NO_PROXY, '*')
  await rm(folder, { recursive: true })
})

test('BIND=::1 publishes nginx on that address', async () => {
  const said = await make(['up'], { BIND: '::1' })
  assert.ok(said.includes(`http://[::1]:${port}`), said)
  const visitor = createVisitor(`http://[::1]:${port}`)
  assert.equal((await visitor.logIn()).status, 200)
  // Docker's proxy forwards the request from its gateway, so the client's address is lost.
  const { body } = await visitor.ask('/api/sessions')
  assert.equal(body.sessions?.find(({ current }) => current)?.address, 'unknown')
  await assert.rejects(fetch(`http://127.0.0.1:${port}`))
  // The scripts find this address without further settings.
  await make(['scale', 'N=3'], { BIND: '' })
})

test('with TLS=1 in .env, make up serves https', async () => {
  await writeEnvFile('TLS=1')
  assert.ok((await make(['up'])).includes(`https://localhost:${tlsPort}`))
  const redirect = await fetch(url(), { redirect: 'manual' })
  assert.equal(redirect.headers.get('Location'), `https://localhost:${tlsPort}/`)
})
