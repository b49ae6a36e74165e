import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConfigError, readConfig } from '../../src/config.ts'

test('without any variable, sessions last 3600 s in the Redis of this machine', () => {
  const config = readConfig({})
  assert.equal(config.redis.url, 'redis://localhost:6379')
  assert.equal(config.session.ttlSeconds, 3600)
  assert.equal(config.session.absoluteSeconds, 12 * 3600)
  assert.equal(config.redis.deadlineMs, 500)
  assert.equal(config.redisIsConfigured, false)
})

test('an empty variable counts as one that is not set', () => {
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
  test(`a bad ${name} is an error that names it`, () => {
    assert.throws(
      () => readConfig({ [name]: value }),
      (error) => error instanceof ConfigError && error.message.includes(name),
    )
  })
}

test('the grace of a replaced token is never longer than the rotation, and stays where there is none', () => {
  const graceOf = (env: Record<string, string>) => readConfig(env).session.rotateGraceSeconds
  assert.equal(graceOf({}), 10)
  assert.equal(graceOf({ SESSION_ROTATE: '3' }), 3)
  assert.equal(graceOf({ SESSION_ROTATE: '0', SESSION_ROTATE_GRACE: '20' }), 20)
})

test('several bad variables are named together', () => {
  assert.throws(() => readConfig({ PORT: 'x', NODES: '0' }), /PORT.*NODES/)
})

test('the message about a bad REDIS_URL does not repeat the password in it', () => {
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
  test(`REDIS_URL=${url} is one line that names the fault and repeats no part of the value`, () => {
    assert.throws(
      () => readConfig({ REDIS_URL: url }),
      (error) => {
        assert.ok(error instanceof ConfigError)
        assert.match(error.message, /^Bad configuration\. REDIS_URL: [^\n]*$/)
        assert.match(error.message, fault)
        return !/hunter2|50%|off/.test(error.message)
      },
    )
  })
}

test('an encoded password, an IPv6 address and a database number are accepted in REDIS_URL', () => {
  for (const url of ['redis://app:50%25off@redis:6379/15', 'rediss://[::1]/', 'redis://redis'])
    assert.equal(readConfig({ REDIS_URL: url }).redis.url, url)
})

test('the password is read from its file, without the line end', async () => {
  await withSecret('s3cret\n', (path) =>
    assert.equal(readConfig({ REDIS_PASSWORD_FILE: path }).redis.password, 's3cret'),
  )
})

test('a password file that is missing or empty is an error that names the variable and the file', async () => {
  assert.throws(() => readConfig({ REDIS_PASSWORD_FILE: '/nowhere/secret' }), /REDIS_PASSWORD_FILE.*\/nowhere\/secret/)
  await withSecret('\n', (path) =>
    assert.throws(() => readConfig({ REDIS_PASSWORD_FILE: path }), /REDIS_PASSWORD_FILE.*empty/),
  )
})

test('seal keys are the lines of their file; a short one is an error that does not repeat it', async () => {
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
