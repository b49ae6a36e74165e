import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { lastingPort } from '../../app/test/lib/lasting-port.ts'
import { until } from '../../app/test/lib/until.ts'
import { type Checkout, checkOut } from '../lib/checkout.ts'
import { command, succeed } from '../lib/command.ts'
import { createVisitor } from '../lib/visitor.ts'

const PROJECT = 'sessions-test-machine'
/** What a shell has that knows another world: conda, CDPATH, a proxy that is down, another Compose project. */
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
    [`PORT=${port}`, `HTTPS_PORT=${tlsPort}`, 'SESSION_TTL_SECONDS=77', 'PUBLIC_HOST=example.test', ...more].join('\n'),
  )
const make = (words: string[], env: Record<string, string> = {}) =>
  succeed('env', ['-u', 'PORT', '-u', 'HTTPS_PORT', 'make', ...words], { ...SHELL, ...env }, checkout.folder)
/** Compose as a user calls it, without make. */
const compose = (...words: string[]) =>
  command(
    'docker',
    ['compose', ...words],
    { COMPOSE_PROJECT_NAME: PROJECT, COMPOSE_DISABLE_ENV_FILE: '0' },
    checkout.folder,
  )
const url = () => `http://localhost:${port}`

test('docker compose up in a fresh clone names the command that comes first', async () => {
  const { code, output } = await compose('up', '--detach')
  assert.notEqual(code, 0)
  assert.match(output, /^.*run-make-up-first.*$/m)
})

test('a clone with umask 077 in a folder with a space, with .env and a shell full of other settings, becomes healthy', async () => {
  assert.ok((await make(['up'])).includes(url()))
  const visitor = createVisitor(url())
  const { status, body } = await visitor.logIn()
  assert.equal(status, 200)
  const { createdAt = '', expiresAt = '' } = body.session ?? {}
  assert.equal(Date.parse(expiresAt) - Date.parse(createdAt), 77_000)
  // Compose itself reads the same settings: it would replace a container that has others.
  const nodes = (await compose('ps', '--quiet', 'app')).output
  assert.equal((await compose('up', '--detach', '--wait', 'app')).code, 0)
  assert.equal((await compose('ps', '--quiet', 'app')).output, nodes)
})

test('a healthy stack logs no error and no warning, and no line for a file of the page', async () => {
  for (const path of ['/', '/style.css', '/icon.svg', '/main.js']) {
    assert.equal((await fetch(`${url()}${path}`)).status, 200, path)
  }
  const visitor = createVisitor(url())
  await visitor.logIn()
  await visitor.whoAmI()
  const page = new AbortController()
  assert.equal((await fetch(`${url()}/api/events`, { signal: page.signal })).status, 200)
  page.abort()
  await visitor.logOut()
  assert.equal((await fetch(`${url()}/nothing-here`)).status, 404)
  const { output } = await until('all that was asked is in the log', async () => {
    const log = await compose('logs', '--no-color', '--no-log-prefix', 'nginx', 'app', 'redis')
    return log.output.includes('/nothing-here') ? log : undefined
  })
  assert.match(output, /"node":"nginx".*"path":"\/auth\/logout"/)
  assert.doesNotMatch(output, /"level":"(warn|error|fatal)"|\[(warn|error|crit|alert|emerg)\]|could not be resolved/m)
  assert.doesNotMatch(output, /"path":"\/(style\.css|icon\.svg|main\.js)?"/)
})

test('without the nodes of make control, only a request for them is told so', async () => {
  const answer = await fetch(`${url()}/control/api/user`)
  assert.equal(answer.status, 503)
  assert.match(await answer.text(), /Start them with: make control/)
})

test('make up keeps the number of nodes that make scale has set, and says so', async () => {
  await make(['scale', 'N=4'])
  assert.match(await make(['up']), /There are 4 nodes, as set with make scale/)
  const names = (await compose('ps', 'app', '--format', '{{.Name}}')).output.trim().split('\n').sort()
  assert.deepEqual(
    names,
    [1, 2, 3, 4].map((number) => `${PROJECT}-app-${number}`),
  )
})

test('with proxies in the configuration of Docker, which lead nowhere, every part becomes healthy', async () => {
  const folder = join(checkout.folder, '..', 'docker')
  await mkdir(folder)
  const proxy = 'http://127.0.0.1:9'
  const proxies = { default: { httpProxy: proxy, httpsProxy: proxy } }
  await writeFile(join(folder, 'config.json'), JSON.stringify({ proxies }))
  await make(['down'])
  await make(['up'], { DOCKER_CONFIG: folder })
  // Docker did add them.
  const { output } = await compose('exec', '--no-TTY', 'nginx', 'env')
  assert.match(output, /^http_proxy=http:\/\/127\.0\.0\.1:9$/m)
  assert.equal((await createVisitor(url()).logIn()).status, 200)
  // k6 is a Go program and would take the proxy for nginx too.
  const { services } = JSON.parse((await compose('--profile', '*', 'config', '--format', 'json')).output)
  assert.equal(services.k6.environment.NO_PROXY, '*')
  await rm(folder, { recursive: true })
})

test('BIND=::1 publishes on that address', async () => {
  const said = await make(['up'], { BIND: '::1' })
  assert.ok(said.includes(`http://[::1]:${port}`), said)
  const visitor = createVisitor(`http://[::1]:${port}`)
  assert.equal((await visitor.logIn()).status, 200)
  // Docker's proxy passes it on from its gateway: nobody's address.
  const { body } = await visitor.ask('/api/sessions')
  assert.equal(body.sessions?.find(({ current }) => current)?.address, 'unknown')
  await assert.rejects(fetch(`http://127.0.0.1:${port}`))
  // Scripts find it there by themselves.
  await make(['scale', 'N=3'], { BIND: '' })
})

test('TLS=1 in .env makes make up serve https', async () => {
  await writeEnvFile('TLS=1')
  assert.ok((await make(['up'])).includes(`https://localhost:${tlsPort}`))
  const redirect = await fetch(url(), { redirect: 'manual' })
  assert.equal(redirect.headers.get('Location'), `https://localhost:${tlsPort}/`)
})
