import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import {
  assertEveryNodeSays,
  createComposeStack,
  PATIENT_WITH_REDIS,
  untilEveryNodeAccepts,
} from '../support/compose-stack.ts'
import { GRACE } from '../support/http.ts'
import { failures, startSteadyLoad } from '../support/steady-load.ts'
import { until } from '../support/until.ts'
import type { Visitor } from '../support/visitor.ts'

// A stack behind a trusted proxy on this machine, then the administrator's commands while something fails.
// test/integration/admin.test.ts has the tests that do not need Compose.
const project = 'sessions-test-admin'
const stack = createComposeStack(project, { ...PATIENT_WITH_REDIS, SESSION_CACHE: 'on', TRUSTED_PROXIES: 'gateway' })
const run = (script: string, ...words: string[]) => stack.tryTo(`deploy/${script}`, ...words)

before(async () => {
  await stack.choosePorts()
  // The tests replace and delete this checkout's secrets.
  await stack.useOwnCheckout()
  await stack.up()
})
after(() => stack.down())

async function refuses(how: RegExp, script: string, ...words: string[]): Promise<void> {
  const { code, output } = await run(script, ...words)
  assert.equal(code, 1, `${script} exited with status ${code}: ${output}`)
  assert.match(output, how)
  assert.match(output, /^[^\n]+\n$/, 'one line')
}

const isDisabled = async (username: string) =>
  (await stack.redisCli('--raw', 'SISMEMBER', 'disabled-users', username)).trim() === '1'

/** Logs in through a proxy on this machine that terminates TLS and sends `from` as X-Forwarded-For. */
const logInFrom = (from: string, password = GRACE.password) =>
  stack.stranger(from).ask('/auth/login', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Forwarded-Proto': 'https' },
    body: JSON.stringify({ ...GRACE, password }),
  })

test('behind a proxy named in TRUSTED_PROXIES, the throttle separates clients by address (IPv6: by /64) and ignores addresses that they claim', async () => {
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

test('behind a proxy named in TRUSTED_PROXIES that terminates TLS, the cookie is Secure and responses have HSTS', async () => {
  const { status, headers } = await logInFrom('203.0.113.3')
  assert.equal(status, 200)
  assert.match(
    headers.getSetCookie().join('\n'),
    /^__Host-sid=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  )
  assert.match(headers.get('Strict-Transport-Security') ?? '', /^max-age=31536000/)
  // nginx's own responses have it too. Without TLS, no response has it.
  const own = await stack.stranger().ask('/metrics', { headers: { 'X-Forwarded-Proto': 'https' } })
  assert.match(own.headers.get('Strict-Transport-Security') ?? '', /^max-age=31536000/)
  assert.equal((await stack.stranger().ask('/metrics')).headers.get('Strict-Transport-Security'), null)
})

test('nginx ignores X-Forwarded-For and X-Forwarded-Proto of a container that TRUSTED_PROXIES does not name', async () => {
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

test('an invalid TRUSTED_PROXIES stops nginx at startup with one log line', async () => {
  const { code, output } = await stack.tryTo(
    'docker',
    ...['compose', 'run', '--rm', '--no-deps', '--no-TTY', '--env', 'TRUSTED_PROXIES=10.0.0.0/33', 'nginx'],
  )
  assert.notEqual(code, 0)
  const lines = output.split('\n').filter((text) => text.startsWith('{'))
  assert.equal(lines.length, 1, output)
  assert.match(lines[0] ?? '', /"level":"fatal".*"msg":"TRUSTED_PROXIES: 10\.0\.0\.0\/33 is not/)
})

test('make end-sessions ends sessions on every node, even if one node is disconnected from Redis', async () => {
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
  await until('the node is connected to Redis again', async () => (await visitor.whoAmI()).servedBy === 'app-1')
  await assertEveryNodeSays(401, visitor)
})

test('make seal-key replaces the sealing key and ends no session; FORGET=1 ends the sessions sealed with the old key', async (t) => {
  const sealOf = async (visitor: Visitor) =>
    String(JSON.parse(await stack.redisCli('--raw', 'GET', `session:${visitor.token()}`)).seal).slice(0, 8)
  const before = await stack.visitor(GRACE)
  // A node that drains stops as soon as it has turned a request away.
  const load = startSteadyLoad(t, before)
  await stack.make('seal-key')
  await load.stop()
  assert.deepEqual(failures(load), [])
  await assertEveryNodeSays(200, before)
  const after = await stack.visitor(GRACE)
  assert.notEqual(await sealOf(after), await sealOf(before))
  await stack.make('seal-key', 'FORGET=1')
  await assertEveryNodeSays(401, before)
  await assertEveryNodeSays(200, after)
})

test('without a reply from Redis, the administrator’s commands change nothing and report that nothing was done', async () => {
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
  await untilEveryNodeAccepts(visitor)
  assert.equal(await isDisabled('ada'), false)
})

test('a read-only Redis makes the administrator’s commands fail with a message; a full Redis does not prevent disabling an account', async () => {
  const visitor = await stack.visitor()
  await stack.redisCli('REPLICAOF', '127.0.0.1', '1')
  try {
    await refuses(/^ada was not disabled: .*READONLY/, 'disable', 'ada')
    await refuses(/^The sessions of ada were not all ended: /, 'end-sessions', 'ada')
  } finally {
    await stack.redisCli('REPLICAOF', 'NO', 'ONE')
  }
  await untilEveryNodeAccepts(visitor)

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

test('after .secrets is deleted under a running stack, each command changes nothing and prints a remedy that works', async () => {
  const visitor = await stack.visitor()
  await rm(`${stack.folder()}/.secrets`, { recursive: true })
  const advice = /make down && make up/
  await refuses(new RegExp(`^ada was not disabled: .*NOAUTH.*${advice.source}`), 'disable', 'ada')
  // Creates new secrets, because every Compose command needs them.
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
  // The deleted secrets included the key that sealed this session.
  await assertEveryNodeSays(401, visitor)
  await visitor.logIn()
  await assertEveryNodeSays(200, visitor)
  assert.match(await stack.make('disable', 'USER=ada'), /^ada is disabled/m)
  await assertEveryNodeSays(401, visitor)
  assert.equal((await visitor.logIn()).status, 401)
})

test('Redis allows CLIENT TRACKING only with SESSION_CACHE=on, and make up without it removes the permission', async () => {
  const mayTrack = async () => (await stack.redisCli('ACL', 'LIST')).includes('+client|tracking')
  assert.ok(await mayTrack())
  const visitor = await stack.visitor(GRACE)
  stack.env.SESSION_CACHE = 'off'
  await stack.make('up')
  assert.ok(!(await mayTrack()))
  // nginx may still have the addresses of the nodes that were replaced.
  await untilEveryNodeAccepts(visitor)
  await assertEveryNodeSays(200, await stack.visitor(GRACE))
})

test('no container log contains a token or a password of this run', () => {
  stack.assertNoSecretIsLogged()
})
