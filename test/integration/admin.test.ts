import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { command, succeed, TOP } from '../support/command.ts'
import { untilEveryNodeAccepts } from '../support/compose-stack.ts'
import { GRACE } from '../support/http.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { createVisitor, type Visitor } from '../support/visitor.ts'

// The administrator's commands on a Redis that denies access, is full, is a replica, hangs, or has foreign data. They run
// without Docker; test/stack/admin.test.ts tests what differs on Compose.
const NO_ENGINE = { DOCKER_HOST: 'tcp://127.0.0.1:1' }
const env: Record<string, string> = { ...NO_ENGINE, COMPOSE_PROJECT_NAME: `test-admin-${process.pid}` }
const run = (script: string, ...words: string[]) => command(`deploy/${script}`, words, env)

let redis: TestRedis
let ada: Visitor

before(async () => {
  redis = await startTestRedis()
  env.PORT = String(await lastingPort())
  await succeed('make', ['local'], { ...env, REDIS_URL: redis.url })
  ada = createVisitor(`http://localhost:${env.PORT}`)
  await ada.logIn()
})
after(async () => {
  await succeed('make', ['down'], env)
  await rm(`${TOP}/.local/${env.COMPOSE_PROJECT_NAME}`, { recursive: true })
  await redis.stop()
})
afterEach(async () => {
  redis.resume()
  await tell('ACL SETUSER default +del')
  await tell('REPLICAOF NO ONE')
  await tell('CONFIG SET maxmemory 0')
  await tell('CONFIG SET requirepass', '')
  await tell('DEL disabled-users session:list')
  await until('ada is logged in', async () => (await ada.whoAmI()).status === 200 || (await ada.logIn()).status === 200)
  await untilEveryNodeAccepts(ada)
})

const tell = (words: string, ...more: string[]) => redis.inspector.sendCommand([...words.split(' '), ...more])

async function refuses(how: RegExp, script: string, ...words: string[]): Promise<void> {
  const { code, output } = await run(script, ...words)
  assert.equal(code, 1, `${script} exited with status ${code}: ${output}`)
  assert.match(output, how)
  assert.match(output, /^[^\n]+\n$/, 'one line')
}

for (const [what, spoil, reason, mend] of [
  ['requires another password', () => tell('CONFIG SET requirepass another'), /NOAUTH/, () => {}],
  ['is read-only', () => tell('REPLICAOF 127.0.0.1 1'), /READONLY|is a replica/, () => tell('REPLICAOF NO ONE')],
  ['does not answer', () => redis.pause(), /did not reply|Failed to connect/, () => redis.resume()],
  ['is down', () => redis.kill(), /cannot be reached|Failed to connect/, () => redis.start()],
] as const) {
  test(`if Redis ${what}, disable, enable and end-sessions report that nothing was done and exit with status 1`, async () => {
    await tell('CONFIG RESETSTAT')
    await spoil()
    await refuses(new RegExp(`^ada was not disabled: .*(?:${reason.source})`, 'i'), 'disable', 'ada')
    await refuses(new RegExp(`^ada was not enabled: .*(?:${reason.source})`, 'i'), 'enable', 'ada')
    await refuses(
      new RegExp(`^The sessions of ada were not all ended: .*(?:${reason.source})`, 'i'),
      'end-sessions',
      'ada',
    )
    await mend()
    // A command that was sent while Redis was paused would be executed now, before that of a new connection.
    await run('redis-cli', 'PING')
    assert.doesNotMatch(await redis.inspector.info('commandstats'), /^cmdstat_s(add|rem):calls=[1-9]/m)
    assert.equal(await redis.inspector.sIsMember('disabled-users', 'ada'), 0)
    await untilEveryNodeAccepts(ada)
  })
}

test('a full Redis (maxmemory) does not prevent disabling and enabling an account', async () => {
  await tell('CONFIG SET maxmemory 1')
  const { code, output } = await run('disable', 'ada')
  assert.equal(code, 0, output)
  assert.match(output, /^Ended session \S+\nada is disabled/)
  assert.equal(await redis.inspector.sIsMember('disabled-users', 'ada'), 1)
  assert.equal((await ada.whoAmI()).status, 401)
  assert.equal((await run('enable', 'ada')).code, 0)
  assert.equal(await redis.inspector.sIsMember('disabled-users', 'ada'), 0)
})

test('if the account was disabled but its sessions were not ended, the command reports both', async () => {
  await tell('ACL SETUSER default -del')
  await refuses(
    /^ada is disabled and cannot log in, but its sessions were not all ended: .*take_session.*run again/,
    'disable',
    'ada',
  )
  assert.equal(await redis.inspector.sIsMember('disabled-users', 'ada'), 1)
  assert.equal((await ada.whoAmI()).status, 200)
  await tell('ACL SETUSER default +del')
  assert.equal((await run('disable', 'ada')).code, 0)
  assert.equal((await ada.whoAmI()).status, 401)
})

test('make end-sessions ends every session of the user on every node, and no session of other users', async () => {
  const url = `http://localhost:${env.PORT}`
  const sessions: Visitor[] = []
  for (let login = 0; login < 4; login++) {
    const visitor = createVisitor(url)
    assert.equal((await visitor.logIn(GRACE)).status, 200)
    sessions.push(visitor)
  }
  const { code, output } = await run('end-sessions', 'grace')
  assert.equal(code, 0, output)
  assert.equal(output.match(/^Ended session /gm)?.length, 4, output)
  for (const visitor of sessions) assert.equal((await visitor.whoAmI()).status, 401)
  assert.equal((await ada.whoAmI()).status, 200)
})

test('end-sessions with SESSION_STORE=memory reports that it cannot end sessions', async () => {
  const { code, output } = await command('node', ['app/dist/src/admin/end-sessions.js', 'ada'], {
    REDIS_URL: redis.url,
    SESSION_STORE: 'memory',
  })
  assert.equal(code, 1)
  assert.match(output, /"event":"sessions_not_ended".*"reason":"with SESSION_STORE=memory/)
  assert.equal((await ada.whoAmI()).status, 200)
})

test('make sessions and make session do not mistake an error of Redis for a session, and exit with status 1', async () => {
  await tell('CONFIG SET requirepass another')
  await refuses(/NOAUTH/, 'sessions')
  await refuses(/NOAUTH/, 'session', ada.token())
  await refuses(/NOAUTH/, 'redis-cli', 'GET', 'session:list')
})

test('make sessions shows a key of another type as unknown, and make session reports that it is no session', async () => {
  await tell('RPUSH session:list value')
  const { code, output } = await run('sessions')
  assert.equal(code, 0, output)
  assert.match(output, /^\(unknown\) +- +0 +-1 +list\.\.\.$/m)
  assert.match(output, new RegExp(`^ada +app-[123] +\\d+ +\\d+ +${ada.token().slice(0, 6)}\\.\\.\\.$`, 'm'))
  await refuses(/^No session: .* of the type list/, 'session', 'list')
})

test('make sessions prints one line for a session whose fields contain line breaks and tabs', async () => {
  const user = { username: 'a\nb\tc', displayName: '' }
  await redis.inspector.set(
    'session:list',
    JSON.stringify({ user, createdOn: 'x\ny', createdAt: '2026-01-01T00:00:00.000Z' }),
  )
  assert.match((await run('sessions')).output, /^a\?b\?c +x\?y +\d+ +-1 +list\.\.\.$/m)
})

test('deploy/redis-cli exits with status 1 if Redis replies with an error, otherwise with 0', async () => {
  await tell('RPUSH session:list value')
  await refuses(/WRONGTYPE/, 'redis-cli', 'GET', 'session:list')
  assert.deepEqual(await run('redis-cli', 'LRANGE', 'session:list', '0', '-1'), { code: 0, output: 'value\n' })
})

test('the commands take an account name literally, not as a pattern', async () => {
  for (const name of ['a.a', '.*', 'ada"', 'ADA', '-a', 'ada\ngrace']) {
    const { code, output } = await run('disable', name)
    assert.equal(code, 1, name)
    assert.match(output, /^There is no account/)
    assert.equal(await redis.inspector.exists('disabled-users'), 0, name)
  }
})

test('redis_cli fails if Redis rejects any one of many commands on its standard input', async () => {
  const ask = (...commands: string[]) =>
    command('bash', ['-c', 'source deploy/lib.sh; redis_cli --raw <<< "$0"', commands.join('\n')], env)
  await tell('RPUSH session:list "value" 2')
  const good = await ask(
    'SET session:list-2 "a \\"b\\""',
    'GET session:list-2',
    'LRANGE session:list 0 -1',
    'DEL session:list-2',
  )
  assert.deepEqual(good, { code: 0, output: 'OK\na "b"\n"value"\n2\n1\n' })
  for (const refused of ['GET session:list', 'NOSUCHCOMMAND']) {
    const { code, output } = await ask('PING', refused, 'PING')
    assert.equal(code, 1, refused)
    assert.match(output, /^Redis replied: (WRONGTYPE|ERR) [^\n]+\n$/)
  }
  await tell('CONFIG SET requirepass another')
  const { code, output } = await ask('DEL session:list')
  assert.equal(code, 1)
  assert.match(output, /^Redis refused the password \(NOAUTH\)[^\n]+\n$/)
})

test('deploy/redis-cli accepts commands interactively and prints MONITOR output without delay', async () => {
  assert.equal(await succeed('bash', ['-c', 'echo PING | deploy/redis-cli'], env), 'PONG\n')
  assert.match(await succeed('bash', ['-c', 'deploy/redis-cli MONITOR | head -n 3'], env), /^OK\n[^\n]+\[0 [^\n]+\n/)
})

/** Puts another redis-cli first in PATH. It runs this line of bash and then the real program. */
async function withRedisCli(
  line: string,
  work: (changed: Record<string, string>, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'other-redis-cli-'))
  try {
    const program = (await succeed('bash', ['-c', 'command -v redis-cli'])).trim()
    const text = `#!/usr/bin/env bash\n${line}\nexec ${program} "$@"\n`
    await writeFile(join(folder, 'redis-cli'), text, { mode: 0o755 })
    await work({ ...env, PATH: `${folder}:${process.env.PATH}` }, folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

test('make session passes the token to no program as an argument', async () => {
  await withRedisCli('printf "%s\\n" "$@" >> "$(dirname "$0")/arguments"', async (spied, folder) => {
    assert.match(await succeed('deploy/session', [ada.token()], spied), /"username":"ada"/)
    const given = await readFile(join(folder, 'arguments'), 'utf8')
    assert.match(given, /session:/)
    assert.ok(!given.includes(ada.token()))
  })
})

test('a redis-cli without -e (before 7.0) returns the same replies and errors', async () => {
  const refuseOption = `for word; do [ "$word" != -e ] || { echo 'Unrecognized option: -e' >&2; exit 1; }; done`
  await withRedisCli(refuseOption, async (old) => {
    assert.match(await succeed('deploy/session', [ada.token()], old), /^\{"user":\{"username":"ada",.*\}\nTTL \d+ s\n$/)
    assert.match(await succeed('deploy/sessions', [], old), /^ada +app-[123] +\d+ +\d+ +\S{6}\.\.\.$/m)
    await tell('RPUSH session:list', 'a "b" \\ c\\n', 'd')
    assert.equal(await succeed('deploy/redis-cli', ['LRANGE', 'session:list', '0', '-1'], old), 'a "b" \\ c\\n\nd\n')
    await tell('CONFIG SET requirepass another')
    for (const [script, words] of [
      ['disable', ['ada']],
      ['sessions', []],
      ['redis-cli', ['GET', 'x']],
    ] as const) {
      const { code, output } = await command(`deploy/${script}`, words, old)
      assert.equal(code, 1, script)
      assert.match(output, /NOAUTH/)
    }
  })
})

test('the commands use the database and password of the running stack, also from another shell', async () => {
  const other = { ...env, COMPOSE_PROJECT_NAME: `test-admin-db-${process.pid}`, PORT: String(await lastingPort()) }
  await tell('ACL SETUSER app on >secret-of-app ~* &* +@all')
  const address = redis.url.replace('//', '//app:secret-of-app@')
  try {
    await succeed('make', ['local'], { ...other, REDIS_URL: `${address}/3` })
    const visitor = createVisitor(`http://localhost:${other.PORT}`)
    await visitor.logIn()
    assert.match(await succeed('deploy/disable', ['ada'], other), /^Ended session \S+\nada is disabled/)
    assert.equal((await visitor.whoAmI()).status, 401)
    assert.equal((await visitor.logIn()).status, 401)
    assert.equal((await ada.whoAmI()).status, 200)
  } finally {
    await succeed('make', ['down'], other)
    await rm(`${TOP}/.local/${other.COMPOSE_PROJECT_NAME}`, { recursive: true })
    await tell('ACL DELUSER app')
  }
})

test('without a Docker engine, make down and make clean name what they could not stop or remove', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'clean-'))
  try {
    for (const part of ['deploy', 'nginx']) await cp(`${TOP}/${part}`, join(folder, part), { recursive: true })
    await mkdir(join(folder, '.secrets'))
    const down = await command(join(folder, 'deploy/down'), [], NO_ENGINE)
    assert.match(down.output, /Docker does not respond, so its containers.* were not stopped/)
    const clean = await command(join(folder, 'deploy/clean'), ['--yes'], NO_ENGINE)
    assert.equal(clean.code, 1)
    assert.match(clean.output, /Docker does not respond, so containers, sessions and \.secrets remain/)
    assert.ok((await stat(join(folder, '.secrets'))).isDirectory())
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
