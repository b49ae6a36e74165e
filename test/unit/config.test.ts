import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readConfig } from 'app/config'
import { ConfigError } from 'app/environment'

test('without any variable, sessions last 3600 s in the Redis at the default address', () => {
  const config = readConfig({})
  assert.equal(config.redis.url, 'redis://localhost:6379')
  assert.equal(config.session.ttlSeconds, 3600)
  assert.equal(config.session.absoluteSeconds, 12 * 3600)
  assert.equal(config.redis.deadlineMs, 500)
  assert.equal(config.redisIsConfigured, false)
})

test('an empty variable counts as unset', () => {
  assert.deepEqual(readConfig({ SESSION_TTL_SECONDS: '', REDIS_URL: '', DEMO_USERS: '' }), readConfig({}))
})

for (const [name, value] of Object.entries({
  PORT: '65536',
  SESSION_TTL_SECONDS: '1h',
  SESSION_STORE: 'disk',
  REDIS_URL: 'http://localhost',
  REDIS_DEADLINE_MS: '0',
  NODE_NAME: 'not a name',
  PUBLIC_HOST: 'https://sessions.example.org',
  DEMO_USERS: 'maybe',
  SESSION_KEY: 'secret',
  KEY_PREFIX: 'with space',
  SESSION_MAX: '0',
  SESSION_ROTATE: '-1',
  LOGIN_FAILURES: 'many',
})) {
  test(`an invalid ${name} is an error that names it`, () => {
    assert.throws(
      () => readConfig({ [name]: value }),
      (error) => error instanceof ConfigError && error.message.includes(name),
    )
  })
}

test('the grace period is never longer than the rotation interval, and unchanged without rotation', () => {
  const graceOf = (env: Record<string, string>) => readConfig(env).session.rotateGraceSeconds
  assert.equal(graceOf({}), 10)
  assert.equal(graceOf({ SESSION_ROTATE: '3' }), 3)
  assert.equal(graceOf({ SESSION_ROTATE: '0', SESSION_ROTATE_GRACE: '20' }), 20)
})

test('several invalid variables are named together', () => {
  assert.throws(() => readConfig({ PORT: 'x', NODES: '0' }), /PORT.*NODES/)
})

test('the message about an invalid REDIS_URL does not contain its password', () => {
  assert.throws(
    () => readConfig({ REDIS_URL: 'https://app:hunter2@redis' }),
    (error) => error instanceof ConfigError && !error.message.includes('hunter2'),
  )
})

for (const [url, fault] of [
  ['redis://:50%off@redis', /write % as %25/],
  ['redis://:hunter2%E4@redis', /not UTF-8/],
  ['redis://:hunter2 x@redis', /contains a space/],
  ['redis://:hunter2/x@redis', /%2F/],
  ['redis://:hunter2#x@redis', /%23/],
  ['redis://:hunter2@redis:99999', /port above 65535/],
  ['redis://:hunter2@redis:0', /port 0/],
  ['redis://:hunter2@redis:port', /is not an address/],
  ['redis://:hunter2@', /is not an address/],
  ['redis://', /no host/],
  ['redis:///0', /no host/],
  ['redis://:hunter2@redis/first', /not the number of a database/],
] as const) {
  test(`REDIS_URL=${url} is an error of one line that names the cause and no part of the value`, () => {
    assert.throws(
      () => readConfig({ REDIS_URL: url }),
      (error) => {
        assert.ok(error instanceof ConfigError)
        assert.match(error.message, /^Invalid configuration\. REDIS_URL: [^\n]*$/)
        assert.match(error.message, fault)
        return !/hunter2|50%|off/.test(error.message)
      },
    )
  })
}

test('REDIS_URL accepts an encoded password, an IPv6 address and a database number', () => {
  for (const url of ['redis://app:50%25off@redis:6379/15', 'rediss://[::1]/', 'redis://redis'])
    assert.equal(readConfig({ REDIS_URL: url }).redis.url, url)
})

const SENTINELS = { REDIS_SENTINELS: 'a:26379, b:26379,[::1]:26379', REDIS_PRIMARY: 'main' }

test('sentinels and a cluster are lists of host:port, and rare writes then wait for one replica', () => {
  const config = readConfig({ ...SENTINELS, REDIS_SENTINEL_PASSWORD: 'x', REDIS_TLS: 'on' })
  assert.deepEqual(config.redis.sentinels, {
    addresses: ['a', 'b', '::1'].map((host) => ({ host, port: 26_379 })),
    primary: 'main',
    username: undefined,
    password: 'x',
  })
  assert.deepEqual([config.redis.replicas, config.redis.tls, config.redisIsConfigured], [1, true, true])
  assert.deepEqual(readConfig({ REDIS_CLUSTER: 'a:1' }).redis.cluster, [{ host: 'a', port: 1 }])
  assert.equal(readConfig({ REDIS_CLUSTER: 'a:1', SESSION_REPLICAS: '2' }).redis.replicas, 2)
  assert.equal(readConfig({}).redis.replicas, 0)
})

for (const [what, env, fault] of [
  [
    'two kinds of Redis',
    { REDIS_URL: 'redis://a', REDIS_CLUSTER: 'a:1' },
    /REDIS_CLUSTER: is set together with REDIS_URL/,
  ],
  [
    'sentinels and a cluster',
    { ...SENTINELS, REDIS_CLUSTER: 'a:1' },
    /REDIS_CLUSTER: is set together with REDIS_SENTINELS/,
  ],
  ['sentinels without the name of the primary', { REDIS_SENTINELS: 'a:1' }, /REDIS_PRIMARY: is missing/],
  ['the name of the primary without sentinels', { REDIS_PRIMARY: 'main' }, /REDIS_PRIMARY: has an effect only with/],
  ['a sentinel without a port', { ...SENTINELS, REDIS_SENTINELS: 'a' }, /REDIS_SENTINELS: is not a list of host:port/],
  ['a port above 65535', { REDIS_CLUSTER: 'a:70000' }, /REDIS_CLUSTER: is not a list of host:port/],
  ['a password and its file', { REDIS_PASSWORD: 'x', REDIS_PASSWORD_FILE: '/x' }, /REDIS_PASSWORD: is set together/],
  ['a certificate without TLS', { REDIS_URL: 'redis://a', REDIS_CA_FILE: '/x' }, /REDIS_CA_FILE: needs TLS.*rediss:/],
  [
    'a certificate and a cluster without TLS',
    { REDIS_CLUSTER: 'a:1', REDIS_CA_FILE: '/x' },
    /REDIS_CA_FILE: needs TLS/,
  ],
  ['REDIS_TLS for a single Redis', { REDIS_TLS: 'on' }, /REDIS_TLS: is for sentinels and clusters/],
] as const) {
  test(`${what} is an error of one line`, () => {
    assert.throws(
      () => readConfig(env),
      (error) => {
        assert.ok(error instanceof ConfigError)
        assert.match(error.message, /^Invalid configuration\. [^\n]*$/)
        assert.match(error.message, fault)
        return true
      },
    )
  })
}

test('SESSION_CACHE=on with REDIS_CLUSTER is an error that gives the reason', () => {
  assert.throws(
    () => readConfig({ REDIS_CLUSTER: 'a:1', SESSION_CACHE: 'on' }),
    /SESSION_CACHE: .*moves to another primary/,
  )
  assert.equal(readConfig({ ...SENTINELS, SESSION_CACHE: 'on' }).redis.cacheEntries, 10_000)
})

test('the password is read from its file without the line break', async () => {
  await withSecret('s3cret\n', (path) =>
    assert.equal(readConfig({ REDIS_PASSWORD_FILE: path }).redis.password, 's3cret'),
  )
})

test('a missing or empty password file is an error that names the variable and the file', async () => {
  assert.throws(() => readConfig({ REDIS_PASSWORD_FILE: '/nowhere/secret' }), /REDIS_PASSWORD_FILE.*\/nowhere\/secret/)
  await withSecret('\n', (path) =>
    assert.throws(() => readConfig({ REDIS_PASSWORD_FILE: path }), /REDIS_PASSWORD_FILE.*empty/),
  )
})

test('each line of the key file is a sealing key; a short one is an error that does not contain it', async () => {
  const keys = ['k'.repeat(32), 'l'.repeat(48)]
  await withSecret(`${keys[0]}\r\n\n${keys[1]}\n`, (path) =>
    assert.deepEqual(readConfig({ SESSION_SEAL_KEY_FILE: path }).session.sealKeys, keys),
  )
  assert.deepEqual(readConfig({}).session.sealKeys, [])
  await withSecret(`${keys[0]}\nshort`, (path) =>
    assert.throws(
      () => readConfig({ SESSION_SEAL_KEY_FILE: path }),
      (error) => /SESSION_SEAL_KEY_FILE.*32/.test(String(error)) && !/k{32}|\bshort$/.test(String(error)),
    ),
  )
})

async function withSecret(content: string, use: (path: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'config-test-'))
  const path = join(folder, 'secret')
  try {
    await writeFile(path, content)
    await chmod(path, 0o400)
    use(path)
  } finally {
    await rm(folder, { recursive: true })
  }
}
