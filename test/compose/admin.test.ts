import assert from 'node:assert/strict'
import { mkdir, rename, rm } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { until } from '../../app/test/lib/until.ts'
import { command, TOP } from '../lib/command.ts'
import { assertEveryNodeSays, createComposeStack } from '../lib/compose-stack.ts'
import { GRACE, type Visitor } from '../lib/visitor.ts'

// A stack behind a proxy on this machine, which it is told of. Then the commands of an administrator when something is in their way. test/local/admin.test.ts has what does not depend on Compose.
const project = 'sessions-test-admin'
const stack = createComposeStack(project, { SESSION_CACHE: 'on', TRUSTED_PROXIES: 'gateway' })
const run = (script: string, ...words: string[]) => command(`deploy/${script}`, words, stack.env)

/** The secrets of this folder, which other stacks may use, are set aside and put back. */
const SECRETS = `${TOP}/.secrets`
const ASIDE = `${TOP}/.local/${project}-secrets`

before(async () => {
  await stack.choosePorts()
  await stack.up()
})
after(async () => {
  await stack.down()
  if (!areAside) return
  await rm(SECRETS, { recursive: true, force: true })
  await rename(ASIDE, SECRETS)
})
let areAside = false

async function refuses(how: RegExp, script: string, ...words: string[]): Promise<void> {
  const { code, output } = await run(script, ...words)
  assert.equal(code, 1, `${script} ended with ${code}: ${output}`)
  assert.match(output, how)
  assert.match(output, /^[^\n]+\n$/, 'one line')
}

const isDisabled = async (username: string) =>
  (await stack.redisCli('--raw', 'SISMEMBER', 'disabled-users', username)).trim() === '1'

/** A login through a proxy on this machine that ends TLS; `from` is what it has in X-Forwarded-For. */
const logInFrom = (from: string, password = GRACE.password) =>
  stack.stranger(from).ask('/auth/login', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Forwarded-Proto': 'https' },
    body: JSON.stringify({ ...GRACE, password }),
  })

test('behind a proxy that TRUSTED_PROXIES names, clients are told apart, IPv6 by /64, and what they claim is not believed', async () => {
  await stack.lineWith('"event":"client_addresses"', '"areShared":false')
  for (const [guesser, same, other] of [
    ['203.0.113.1', '198.51.100.99, 203.0.113.1', '203.0.113.2'],
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::1', '2001:db8:1:3::1'],
  ] as const) {
    for (let guess = 0; guess < 5; guess++) assert.equal((await logInFrom(guesser, `guess ${guess}`)).status, 401)
    for (const address of [guesser, same]) assert.equal((await logInFrom(address)).status, 429, address)
    assert.equal((await logInFrom(other)).status, 200, other)
  }
  await stack.lineWith('"event":"login_throttled"', '"address":"203.0.113.1"')
})

test('behind a proxy that TRUSTED_PROXIES names and that ends TLS, the cookie is Secure and HSTS is sent', async () => {
  const { status, headers } = await logInFrom('203.0.113.3')
  assert.equal(status, 200)
  assert.match(
    headers.getSetCookie().join('\n'),
    /^__Host-sid=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  )
  assert.match(headers.get('Strict-Transport-Security') ?? '', /^max-age=31536000/)
  // Of nginx too, and nothing of it for a browser that came without TLS.
  const own = await stack.stranger().ask('/metrics', { headers: { 'X-Forwarded-Proto': 'https' } })
  assert.match(own.headers.get('Strict-Transport-Security') ?? '', /^max-age=31536000/)
  assert.equal((await stack.stranger().ask('/metrics')).headers.get('Strict-Transport-Security'), null)
})

test('a container that TRUSTED_PROXIES does not name is believed neither its X-Forwarded-For nor its X-Forwarded-Proto', async () => {
  const said = await stack.docker(
    ...['compose', 'exec', '--no-TTY', 'app', 'node', '--input-type=module', '--eval'],
    `const { headers } = await fetch('http://nginx:8080/auth/login', { method: 'POST', body: '${JSON.stringify(GRACE)}',
       headers: { 'Content-Type': 'application/json', 'X-Forwarded-For': '203.0.113.4', 'X-Forwarded-Proto': 'https' } })
     const cookie = headers.getSetCookie()[0]
     const listed = await fetch('http://nginx:8080/api/sessions', { headers: { Cookie: cookie.split(';')[0] } })
     const { sessions } = await listed.json()
     console.log(cookie.split('=')[0], headers.get('Strict-Transport-Security'), sessions.find(({ current }) => current).address)`,
  )
  assert.match(said, /^sid null \d+\.\d+\.\d+\.\d+\s*$/)
  assert.ok(!said.includes('203.0.113.4'))
})

test('nginx does not start with TRUSTED_PROXIES that it cannot read, and says so in one line of its log', async () => {
  const { code, output } = await command(
    'docker',
    ['compose', 'run', '--rm', '--no-deps', '--no-TTY', '--env', 'TRUSTED_PROXIES=10.0.0.0/33', 'nginx'],
    stack.env,
  )
  assert.notEqual(code, 0)
  const lines = output.split('\n').filter((text) => text.startsWith('{'))
  assert.equal(lines.length, 1, output)
  assert.match(lines[0] ?? '', /"level":"fatal".*"msg":"TRUSTED_PROXIES: 10\.0\.0\.0\/33 is not/)
})

test('make end-sessions ends them on every node, also when a node is cut off from Redis', async () => {
  const visitor = await stack.visitor(GRACE)
  const [network, node] = [`${project}_data`, stack.containerOf('app-1')]
  await stack.docker('network', 'disconnect', network, node)
  try {
    const { code, output } = await run('end-sessions', 'grace')
    assert.equal(code, 0, output)
    assert.match(output, /^Ended session \S+$/m)
  } finally {
    await stack.docker('network', 'connect', network, node)
  }
  await until('the node has Redis again', async () => (await visitor.whoAmI()).servedBy === 'app-1')
  await assertEveryNodeSays(401, visitor)
})

test('make seal-key replaces the key of the seals and ends no session; without the old key the old ones end', async () => {
  const sealOf = async (visitor: Visitor) =>
    String(JSON.parse(await stack.redisCli('--raw', 'GET', `session:${visitor.token()}`)).seal).slice(0, 8)
  const before = await stack.visitor(GRACE)
  await stack.make('seal-key')
  await assertEveryNodeSays(200, before)
  const after = await stack.visitor(GRACE)
  assert.notEqual(await sealOf(after), await sealOf(before))
  await stack.make('seal-key', 'FORGET=1')
  await assertEveryNodeSays(401, before)
  await assertEveryNodeSays(200, after)
})

test('with a Redis that does not answer nothing is said to be done, and nothing is', async () => {
  const visitor = await stack.visitor()
  await stack.docker('pause', stack.containerOf('redis-1'))
  try {
    await refuses(/^ada was not disabled: Redis cannot be reached.*make ps/, 'disable', 'ada')
    await refuses(/^ada was not enabled: Redis cannot be reached/, 'enable', 'ada')
    await refuses(/^The sessions of ada were not all ended: Failed to connect to Redis/, 'end-sessions', 'ada')
    await refuses(/^Redis cannot be reached/, 'sessions')
  } finally {
    await stack.docker('unpause', stack.containerOf('redis-1'))
  }
  await until('its session is honoured', async () => (await visitor.whoAmI()).status === 200)
  assert.equal(await isDisabled('ada'), false)
})

test('with a Redis that is read-only nothing is said to be done, and with a full one an account is disabled all the same', async () => {
  const visitor = await stack.visitor()
  await stack.redisCli('REPLICAOF', '127.0.0.1', '1')
  try {
    await refuses(/^ada was not disabled: .*READONLY/, 'disable', 'ada')
    await refuses(/^The sessions of ada were not all ended: /, 'end-sessions', 'ada')
  } finally {
    await stack.redisCli('REPLICAOF', 'NO', 'ONE')
  }
  await until('its session is honoured', async () => (await visitor.whoAmI()).status === 200)

  const [, maxmemory = '0'] = (await stack.redisCli('--raw', 'CONFIG', 'GET', 'maxmemory')).trim().split('\n')
  await stack.redisCli('CONFIG', 'SET', 'maxmemory', '1mb')
  try {
    const { code, output } = await run('disable', 'ada')
    assert.equal(code, 0, output)
    assert.equal(await isDisabled('ada'), true)
    await assertEveryNodeSays(401, visitor)
    assert.equal((await run('enable', 'ada')).code, 0)
    assert.equal(await isDisabled('ada'), false)
  } finally {
    await stack.redisCli('CONFIG', 'SET', 'maxmemory', maxmemory)
  }
})

test('.secrets deleted while the stack runs: each command says that it did nothing and what to do, and that helps', async () => {
  const visitor = await stack.visitor()
  await mkdir(`${TOP}/.local`, { recursive: true })
  await rename(SECRETS, ASIDE)
  areAside = true
  const advice = /make down && make up/
  await refuses(new RegExp(`^ada was not disabled: .*NOAUTH.*${advice.source}`), 'disable', 'ada')
  // Creates new ones, as every use of Compose needs some.
  await stack.make('ps')
  await refuses(new RegExp(`^ada was not disabled: .*WRONGPASS.*${advice.source}`), 'disable', 'ada')
  await refuses(new RegExp(`^ada was not enabled: .*WRONGPASS.*${advice.source}`), 'enable', 'ada')
  await refuses(advice, 'sessions')
  await refuses(advice, 'session', visitor.token())
  assert.equal((await run('redis-cli', 'SMEMBERS', 'disabled-users')).code, 1)
  for (const attempt of ['first', 'second']) {
    const { code, output } = await run('up')
    assert.equal(code, 1, attempt)
    assert.match(output, advice)
  }
  await assertEveryNodeSays(200, visitor)

  await stack.make('down')
  await stack.make('up')
  // The key of its seal was among them.
  await assertEveryNodeSays(401, visitor)
  await visitor.logIn()
  await assertEveryNodeSays(200, visitor)
  assert.match(await stack.make('disable', 'USER=ada'), /^ada is disabled/m)
  await assertEveryNodeSays(401, visitor)
  assert.equal((await visitor.logIn()).status, 401)
})

test('CLIENT TRACKING is granted with SESSION_CACHE=on only, and make up again without it takes it back', async () => {
  const mayTrack = async () => (await stack.redisCli('ACL', 'LIST')).includes('+client|tracking')
  assert.ok(await mayTrack())
  const visitor = await stack.visitor(GRACE)
  stack.env.SESSION_CACHE = 'off'
  await stack.make('up')
  assert.ok(!(await mayTrack()))
  await assertEveryNodeSays(200, visitor)
  await assertEveryNodeSays(200, await stack.visitor(GRACE))
})

test('no token and no password of this run is in any log of any container', () => {
  stack.assertNoSecretIsLogged()
})
