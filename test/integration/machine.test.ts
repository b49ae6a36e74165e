import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Checkout, checkOut } from '../support/checkout.ts'
import { command, succeed } from '../support/command.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { createVisitor } from '../support/visitor.ts'

const PROJECT = `test-machine-${process.pid}`
/** No engine is available at this address. The .env file is read. */
const OWN = { DOCKER_HOST: 'tcp://127.0.0.1:1', COMPOSE_PROJECT_NAME: PROJECT, COMPOSE_DISABLE_ENV_FILE: '0' }
/** Settings of an unrelated environment: conda, CDPATH, an unreachable proxy, another Compose project. */
const SHELL = {
  HOST: 'x86_64-conda-linux-gnu',
  CDPATH: '/tmp:..',
  http_proxy: 'http://127.0.0.1:9',
  HTTP_PROXY: 'http://127.0.0.1:9',
  POSIXLY_CORRECT: '1',
  GREP_OPTIONS: '--invert-match',
  COMPOSE_FILE: '/nonexistent.yml',
  COMPOSE_PROFILES: 'test',
  NODE_ENV: 'production',
  MAKEFLAGS: '--no-print-directory',
}

let checkout: Checkout

before(async () => {
  checkout = await checkOut()
})
after(() => checkout.remove())

const inCheckout = (name: string, args: string[], env: Record<string, string> = {}) =>
  command(name, args, { ...OWN, ...env }, checkout.folder)

/** Runs lines of bash after sourcing lib.sh, like every script. */
const script = (lines: string, env: Record<string, string> = {}) =>
  succeed('bash', ['-c', `source deploy/lib.sh; ${lines}`], { ...OWN, ...env }, checkout.folder)

const writeEnvFile = (lines: string[], end = '\n') => writeFile(join(checkout.folder, '.env'), lines.join(end) + end)

test('a local stack starts and stops with umask 077, a space in its path, a .env file and unrelated environment variables', async () => {
  const port = await lastingPort()
  await writeEnvFile([`PORT=${port}`, 'SESSION_COOKIE=from-file'])
  const up = await inCheckout('env', ['-u', 'PORT', 'make', 'up'], SHELL)
  assert.equal(up.code, 0, up.output)
  assert.ok(up.output.includes(`http://localhost:${port}`), up.output)
  const visitor = createVisitor(`http://localhost:${port}`)
  assert.equal((await visitor.logIn()).status, 200)
  assert.match(visitor.cookie() ?? '', /^from-file=/)
  assert.match((await inCheckout('make', ['ps'], SHELL)).output, /balancer, process \d+\napp-1, process \d+\n/)
  assert.match((await inCheckout('make', ['down'], SHELL)).output, /^Stopped\.$/m)
})

test('an environment variable overrides .env, and .env overrides the default', async () => {
  await writeEnvFile(['PORT=9999', 'BIND=::1', 'HTTPS_PORT=9443'])
  const say = 'say "$PORT $HTTPS_PORT $BIND $URL"'
  assert.equal(await script(say, { PORT: '7777' }), '7777 9443 ::1 http://[::1]:7777\n')
  assert.equal(await script(say, { PORT: '', BIND: '' }), '8080 9443 127.0.0.1 http://localhost:8080\n')
  assert.equal(
    await script(say, { COMPOSE_DISABLE_ENV_FILE: '1', PORT: '' }),
    '8080 8443 127.0.0.1 http://localhost:8080\n',
  )
})

test('scripts parse .env without executing it (quotes, comments, export, CRLF) and read only documented names', async () => {
  await writeEnvFile(
    [
      '\uFEFF# a comment',
      'export SESSION_COOKIE="shop" # another',
      "PUBLIC_HOST='example.test'",
      'SESSION_TTL_SECONDS = 60   # in seconds',
      'LOG_LEVEL=$(touch executed)',
      'SESSION_MAX=1',
      'SESSION_MAX=2',
      'PATH=/nonexistent',
      'TLS=1',
    ],
    '\r\n',
  )
  const names = 'SESSION_COOKIE PUBLIC_HOST SESSION_TTL_SECONDS LOG_LEVEL SESSION_MAX COMPOSE_FILE'
  const read = await script(`for name in ${names}; do say "\${!name}"; done; ! [ -e executed ]`, { PORT: '' })
  assert.deepEqual(read.trim().split('\n'), [
    'shop',
    'example.test',
    '60',
    '$(touch executed)',
    '2',
    'docker-compose.yml:deploy/compose.tls.yml',
  ])
})

test('REDIS chooses the Compose files, each stack has its own addresses, and a wrong value is one line', async () => {
  await writeEnvFile(['REDIS=sentinel'])
  const said = async (env: Record<string, string>) => (await script('say "$COMPOSE_FILE $REDIS_NETWORK"', env)).trim()
  const network = /^docker-compose.yml:deploy\/compose\.sentinel\.yml 198\.(18|19)\.\d{1,3}$/
  const first = await said({ COMPOSE_PROJECT_NAME: 'one' })
  const second = await said({ COMPOSE_PROJECT_NAME: 'another' })
  assert.match(first, network)
  assert.match(second, network)
  assert.notEqual(first, second)
  assert.equal(
    await said({ REDIS: 'cluster', TLS: '1', REDIS_NETWORK: '10.83.71' }),
    'docker-compose.yml:deploy/compose.cluster.yml:deploy/compose.tls.yml 10.83.71',
  )
  for (const [name, value] of Object.entries({ REDIS: 'valkey', REDIS_NETWORK: '10.83.71.0' })) {
    const { code, output } = await inCheckout('bash', ['-c', 'source deploy/lib.sh'], { ...OWN, [name]: value })
    assert.equal(code, 1)
    assert.match(output, new RegExp(`^${name}=${value} is .*make up.*\\n$`))
  }
})

test('.env can set every variable that the README documents', async () => {
  const readme = await readFile(join(checkout.folder, 'README.md'), 'utf8')
  const section = /## Configuration\n([\s\S]*?)\n## /.exec(readme)?.[1] ?? ''
  const documented = [...section.matchAll(/^\| `([A-Z_]+)`|`([A-Z]+(?:_[A-Z]+)*)`(?= \()/gm)]
  const names = documented.map(([, row, prose]) => row ?? prose ?? '')
  assert.ok(names.length > 25, names.join())
  await writeEnvFile([])
  const settings = (await script('say "$SETTINGS"')).trim().split(' ')
  assert.deepEqual(
    names.filter((name) => !settings.includes(name)),
    [],
  )
})

test('every script works with CDPATH exported', async () => {
  const elsewhere = join(checkout.folder, '..', 'elsewhere')
  await mkdir(join(elsewhere, 'deploy'), { recursive: true })
  await mkdir(join(elsewhere, '.ci'), { recursive: true })
  assert.equal(await script('pwd', { CDPATH: elsewhere }), `${checkout.folder}\n`)

  // The same for .ci/run, with stub programs.
  const stubs = join(checkout.folder, '..', 'stubs')
  await mkdir(stubs)
  for (const [name, line] of [
    ['make', 'pwd'],
    ['id', 'echo 1000'],
    ['hadolint', ''],
  ]) {
    await writeFile(join(stubs, name ?? ''), `#!/bin/sh\n${line}\n`)
    await chmod(join(stubs, name ?? ''), 0o700)
  }
  const { output } = await inCheckout('.ci/run', [], { CDPATH: elsewhere, PATH: `${stubs}:${process.env.PATH}` })
  assert.equal(output, `${checkout.folder}\n`)
})

test('USER, URL, N and TOKEN of the environment are not arguments of a make target', async () => {
  const names = { USER: 'ada', URL: 'http://127.0.0.1:1', N: '9', TOKEN: 'x', FAULT: 'x', OFF: '1' }
  assert.match((await inCheckout('make', ['scale'], names)).output, /How many nodes\?/)
  assert.match((await inCheckout('make', ['session'], names)).output, /TOKEN is missing/)
  assert.match((await inCheckout('make', ['disable'], names)).output, /USER is missing/)
  assert.match((await inCheckout('make', ['prove'], names)).output, /The stack is not running/)
})

test('scripts connect to this machine’s own addresses without the proxy of the environment', async () => {
  const server = createHttpServer((_req, res) => res.end('itself')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const { port } = server.address() as AddressInfo
    assert.equal(await script(`fetch_text http://localhost:${port}/`, SHELL), 'itself')
    // As k6, curl and Node read it.
    assert.match(
      await script('say "$NO_PROXY"', { ...SHELL, NO_PROXY: '.corp' }),
      /^\.corp,localhost,127\.0\.0\.1,::1,/,
    )
    assert.match(await script('say "$no_proxy"', { ...SHELL, PUBLIC_HOST: 'example.test' }), /,example\.test\b/)
  } finally {
    server.close()
  }
})

test('BIND accepts an IP address, IPv6 with or without brackets; any other value fails with one line', async () => {
  await writeEnvFile([])
  const url = 'say "$URL"'
  assert.equal(await script(url, { BIND: '[::1]', PORT: '' }), 'http://[::1]:8080\n')
  assert.equal(await script(url, { BIND: '0.0.0.0', PORT: '' }), 'http://localhost:8080\n')
  // nginx serves this host name too.
  assert.equal(
    await script(`${url}; say "$PUBLIC_HOST"`, { BIND: '10.1.2.3', PORT: '' }),
    'http://10.1.2.3:8080\n10.1.2.3\n',
  )
  const { code, output } = await inCheckout('make', ['up'], { BIND: 'localhost' })
  assert.notEqual(code, 0)
  assert.match(output, /^BIND=localhost is not an IP address\. Write BIND=127\.0\.0\.1/m)
})

test('TRUSTED_PROXIES accepts a list of addresses and networks; any other value fails with one line', async () => {
  await writeEnvFile([])
  for (const list of [
    '',
    'gateway',
    '10.0.0.1',
    '10.0.0.0/8, 2001:db8::/32\t::1',
    '::ffff:192.0.2.1',
    '1:2:3:4:5:6:7:8',
  ]) {
    assert.equal(await script('say ok', { TRUSTED_PROXIES: list }), 'ok\n', list)
  }
  for (const entry of [
    ...[
      '10.0.0',
      '10.0.0.256',
      '10.0.0.0/33',
      '10.0.0.1/',
      '0.0.0.0/0',
      '1:2:3:4:5:6:7',
      '1::2::3',
      '12345::',
      '::/0',
      ':1',
    ],
    ...['proxy.example', '/8', '10.0.0.1;include', '$(id)', '*'],
  ]) {
    const { code, output } = await inCheckout('make', ['up'], { TRUSTED_PROXIES: `192.0.2.1 ${entry}` })
    assert.notEqual(code, 0)
    const [first = '', ...others] = output.trimEnd().split('\n')
    assert.match(first, /^TRUSTED_PROXIES: \S+ is not an IP address or a network\. For example: /, entry)
    assert.ok(
      others.every((text) => text.startsWith('make: ')),
      output,
    )
  }
})

test('a port in use is detected at either address of localhost', async (t) => {
  await writeEnvFile([])
  for (const address of ['127.0.0.1', '::1']) {
    const squatter = createServer().listen(0, address)
    const isListening = await Promise.race([
      once(squatter, 'listening').then(() => true),
      once(squatter, 'error').then(() => false),
    ])
    if (!isListening) {
      t.diagnostic(`this machine has no ${address}`)
      continue
    }
    const { port } = squatter.address() as AddressInfo
    const { code, output } = await inCheckout('make', ['up'], { PORT: `${port}` })
    squatter.close()
    assert.notEqual(code, 0)
    assert.match(output, new RegExp(`Port ${port} is in use`), address)
  }
})

test('make up without an engine also fails if TLS=1 is set in .env', async () => {
  await writeEnvFile(['TLS=1'])
  for (const target of ['up', 'local']) {
    const { code, output } = await inCheckout('make', [target], { PORT: '' })
    assert.notEqual(code, 0)
    assert.match(output, /TLS needs nginx and Docker/)
  }
})

test('a clone with core.autocrlf=true has no carriage return in any text file', async (t) => {
  if ((await command('git', ['--version']).catch(() => ({ code: 1 }))).code !== 0) return t.skip('git is not installed')
  const config = ['-c', 'user.name=test', '-c', 'user.email=test@example.test', '-c', 'commit.gpgsign=false']
  const git = (...words: string[]) => succeed('git', [...config, ...words], OWN, checkout.folder)
  await git('init', '--quiet')
  await git('add', '.')
  await git('commit', '--quiet', '--message', 'all')
  const clone = join(checkout.folder, '..', 'clone')
  await git('-c', 'core.autocrlf=true', 'clone', '--quiet', '.', clone)
  // Every file that git treats as text.
  const { output } = await command('git', ['grep', '-lI', '--untracked', '\r'], OWN, clone)
  assert.equal(output, '')
  assert.equal((await command('grep', ['-rlI', '--exclude-dir=.git', '\r', '.'], OWN, clone)).output, '')
})
