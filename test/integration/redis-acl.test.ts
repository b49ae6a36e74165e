// deploy/redis-users.acl in a Redis: what its users may do. test/stack tries the same in the stack, at full length.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { SENTINEL_CHANNELS } from 'app/redis/watch-sentinels'
import { createClient } from 'redis'
import { type Checkout, checkOut } from '../support/checkout.ts'
import { command, succeed } from '../support/command.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { until } from '../support/until.ts'

let checkout: Checkout
let port: string
let stop: () => Promise<void>
before(async () => {
  checkout = await checkOut()
  await succeed('deploy/secrets', ['--files-only'], {}, checkout.folder)
  port = String(await lastingPort())
  const file = join(checkout.folder, 'users.acl')
  const users = await readFile(join(checkout.folder, '.secrets/redis-users-cache-off.acl'), 'utf8')
  // A command of Redis 7.2. The Redis of this machine may be older.
  await writeFile(file, users.replace(' +client|setinfo', ''))
  const options = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--aclfile', file, '--dir', checkout.folder]
  const server = spawn(process.env.REDIS_SERVER ?? 'redis-server', options, { stdio: 'ignore' })
  stop = async () => {
    const ended = once(server, 'exit')
    server.kill('SIGKILL')
    await ended
    await checkout.remove()
  }
  await until('Redis answers', async () => (await ask('default', 'PING')).includes('PONG'))
})
after(() => stop())

/** What Redis answers to this user of the list. */
async function ask(user: 'default' | 'app' | 'loader', ...words: string[]): Promise<string> {
  const options = ['-h', '127.0.0.1', '-p', port]
  if (user === 'default') return (await command('redis-cli', [...options, ...words])).output
  const password = await succeed('cat', [join(checkout.folder, `.secrets/redis-${user}-password`)])
  const env = { REDISCLI_AUTH: password.trim() }
  return (await command('redis-cli', [...options, '--user', user, ...words], env)).output
}

const assertRefused = async (user: 'default' | 'app' | 'loader', commands: string[][]) => {
  for (const words of commands) assert.match(await ask(user, ...words), /NOPERM/, `${user}: ${words.join(' ')}`)
}

test('a client without a password may only send PING', () =>
  assertRefused('default', [['GET', 'session:x'], ['INFO'], ['SET', 'session:x', 'y'], ['TIME'], ['FUNCTION', 'LIST']]))

test('a node may use its own keys, and only read the accounts', async () => {
  for (const words of [
    ['SET', 'session:x', 'y'],
    ['GET', 'session:x'],
    ['SISMEMBER', 'disabled-users', 'ada'],
  ])
    assert.doesNotMatch(await ask('app', ...words), /NOPERM/, words.join(' '))
  await assertRefused('app', [
    ['GET', 'other'],
    ['SADD', 'disabled-users', 'ada'],
    ['SET', 'disabled-users', 'x'],
    ['DEL', 'disabled-users'],
    ['SET', 'test-account:mallory', '{}'],
    ['PUBLISH', 'other', 'x'],
  ])
})

test('a node may not run code in Redis, list keys or see other clients', () =>
  assertRefused('app', [
    ['EVAL', 'return 1', '0'],
    ['SCRIPT', 'LOAD', 'return 1'],
    ['FUNCTION', 'LIST'],
    ['KEYS', '*'],
    ['SCAN', '0'],
    ['MONITOR'],
    ['CLIENT', 'LIST'],
    ['CLIENT', 'TRACKING', 'ON', 'BCAST'],
    ['CONFIG', 'GET', '*'],
    ['FLUSHALL'],
    ['ACL', 'LIST'],
  ]))

test('the account that loads the functions may neither read nor write keys', () =>
  assertRefused('loader', [
    ['GET', 'session:x'],
    ['DEL', 'session:x'],
    ['KEYS', '*'],
    ['FUNCTION', 'FLUSH'],
    ['EVAL', 'return 1', '0'],
  ]))

test('only a Redis with replicas has the users and commands for them', async () => {
  const usersOf = async (name: string) => {
    const text = await readFile(join(checkout.folder, `.secrets/${name}.acl`), 'utf8')
    const lines = text.trim().split('\n')
    const names = lines.map((line) => line.split(' ')[1]).sort()
    const lineOf = (user: string) => lines.find((line) => line.startsWith(`user ${user} `)) ?? ''
    return { names, app: lineOf('app'), joiner: lineOf('joiner') }
  }
  const single = await usersOf('redis-users-cache-off')
  const sentinel = await usersOf('redis-users-sentinel-cache-off')
  const cluster = await usersOf('redis-users-cluster-cache-off')
  assert.deepEqual(single.names, ['admin', 'app', 'default', 'loader'])
  assert.deepEqual(sentinel.names, ['admin', 'app', 'default', 'loader', 'replica', 'sentinel'])
  assert.deepEqual(cluster.names, ['admin', 'app', 'default', 'joiner', 'loader', 'replica'])
  // It joins the servers of a cluster on Kubernetes, and has no access to any key.
  assert.match(cluster.joiner, /^user joiner reset on #[0-9a-f]{64} -@all \+ping \+info \+cluster$/)
  assert.deepEqual(
    [single, sentinel, cluster].map(({ app }) => ['+wait', '+cluster|slots'].map((word) => app.includes(` ${word} `))),
    [
      [false, false],
      [true, false],
      [true, true],
    ],
  )
})

test('a sentinel tells anybody where the primary is, and obeys only the other sentinels', async (t) => {
  const sentinelPort = String(await lastingPort())
  const file = join(checkout.folder, 'sentinel.conf')
  const acl = join(checkout.folder, 'sentinel-users.acl')
  const users = await readFile(join(checkout.folder, '.secrets/sentinel-users.acl'), 'utf8')
  await writeFile(acl, users.replace(' +client|setinfo', ''))
  await writeFile(file, `port ${sentinelPort}\naclfile "${acl}"\nsentinel monitor sessions 127.0.0.1 ${port} 2\n`)
  const sentinel = spawn(process.env.REDIS_SERVER ?? 'redis-server', [file, '--sentinel'], { stdio: 'ignore' })
  t.after(() => sentinel.kill('SIGKILL'))
  const send = async (...words: string[]) =>
    (await command('redis-cli', ['-h', '127.0.0.1', '-p', sentinelPort, ...words])).output
  await until('the sentinel answers', async () => (await send('PING')).includes('PONG'))
  assert.match(await send('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'sessions'), new RegExp(`^127.0.0.1\n${port}`))
  for (const words of [
    ['SENTINEL', 'FAILOVER', 'sessions'],
    ['SENTINEL', 'REMOVE', 'sessions'],
    ['SENTINEL', 'SET', 'sessions', 'quorum', '1'],
    ['SENTINEL', 'MONITOR', 'other', '127.0.0.1', port, '1'],
    ['PUBLISH', '__sentinel__:hello', 'x'],
    ['ACL', 'LIST'],
    ['SHUTDOWN'],
  ])
    assert.match(await send(...words), /NOPERM/, words.join(' '))
  const listener = createClient({ url: `redis://127.0.0.1:${sentinelPort}` })
  t.after(() => listener.destroy())
  await listener.connect()
  for (const channel of Object.keys(SENTINEL_CHANNELS)) await listener.subscribe(channel, () => {})
  await assert.rejects(
    listener.subscribe('+reset-master', () => {}),
    /NOPERM/,
  )
})
