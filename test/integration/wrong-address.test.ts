import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, type TestContext, test } from 'node:test'
import { lastingPort } from '../support/lasting-port.ts'
import { runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'

let redis: TestRedis

before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

/** Starts a node with this REDIS_URL, expects it to exit with status 1, and returns the line that says why. */
async function whyItDoesNotStart(t: TestContext, url: string): Promise<string> {
  const node = runNode('server', { REDIS_URL: url, REDIS_DEADLINE_MS: '1000' })
  t.after(() => node.signal('SIGKILL'))
  const { msg = '' } = await node.line(({ level }) => level === 'fatal')
  assert.equal(await node.ended, 1)
  assert.ok(!msg.includes('\n') && !msg.includes('secret'), msg)
  return msg
}

async function listening(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return (server.address() as AddressInfo).port
}

for (const scheme of ['redis', 'rediss']) {
  test(`a node whose ${scheme}:// address leads to an HTTP server names the cause and exits with status 1`, async (t) => {
    const port = await listening(
      t,
      createHttpServer((_req, res) => res.end()),
    )
    const why = await whyItDoesNotStart(t, `${scheme}://app:secret@127.0.0.1:${port}`)
    assert.match(why, new RegExp(`127\\.0\\.0\\.1:${port}: the server there speaks HTTP.*REDIS_URL`))
  })
}

for (const [kind, greet, cause] of [
  [
    'greets in another protocol',
    (socket: Socket) => socket.write('SSH-2.0-OpenSSH_9.9\r\n'),
    /does not speak the Redis/,
  ],
  ['closes every connection', (socket: Socket) => socket.destroy(), /closes the connection without an answer/],
  ['never answers', () => {}, /does not answer/],
  [
    'is a Redis in protected mode',
    (socket: Socket) => socket.end('-DENIED Redis is running in protected mode\r\n'),
    /protected mode.*REDIS_PASSWORD_FILE/,
  ],
] as const) {
  test(`a node whose Redis ${kind} names the cause and exits with status 1`, async (t) => {
    const port = await listening(
      t,
      createServer((socket) => {
        socket.on('error', () => {})
        greet(socket)
      }),
    )
    assert.match(await whyItDoesNotStart(t, `redis://127.0.0.1:${port}`), cause)
  })
}

test('a node with rediss:// in front of a Redis without TLS names the cause and exits with status 1', async (t) => {
  const why = await whyItDoesNotStart(t, redis.url.replace('redis:', 'rediss:'))
  assert.match(why, /does not speak TLS\. Write redis:\/\/ instead of rediss:\/\//)
})

test('a node with redis:// in front of a Redis with TLS names the cause and exits with status 1', async (t) => {
  const port = await startTlsRedis(t)
  if (port === undefined) return t.skip('redis-server has no TLS, or openssl is not installed')
  const why = await whyItDoesNotStart(t, `redis://127.0.0.1:${port}`)
  assert.match(why, /speaks TLS only\. Write rediss:\/\/ instead of redis:\/\//)
})

test('an untrusted certificate is reported with its own reason', async (t) => {
  const port = await startTlsRedis(t)
  if (port === undefined) return t.skip('redis-server has no TLS, or openssl is not installed')
  assert.match(await whyItDoesNotStart(t, `rediss://127.0.0.1:${port}`), /self-signed certificate/)
})

test('an unknown host name, a port without a server and a wrong password are reported with their own reasons', async (t) => {
  assert.match(await whyItDoesNotStart(t, 'redis://nohost.invalid'), /at nohost\.invalid:.*ENOTFOUND/)
  assert.match(await whyItDoesNotStart(t, `redis://127.0.0.1:${await lastingPort()}`), /ECONNREFUSED.*REDIS_URL=/)
  const wrong = redis.url.replace('redis://', 'redis://app:secret@')
  assert.match(await whyItDoesNotStart(t, wrong), /WRONGPASS.*REDIS_PASSWORD_FILE/)
})

test('a % in the password of REDIS_URL stops the node with status 1 and one line that shows the escaped form', async (t) => {
  assert.match(await whyItDoesNotStart(t, 'redis://:50%offsecret@127.0.0.1'), /REDIS_URL.*write % as %25/)
})

/** Undefined if this machine cannot provide one. */
async function startTlsRedis(t: TestContext): Promise<number | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'test-redis-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const options = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost']
  try {
    execFileSync('openssl', ['req', ...options, '-keyout', key, '-out', certificate], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  const port = await lastingPort()
  const binary = process.env.REDIS_SERVER ?? 'redis-server'
  const tls = [
    '--tls-port',
    `${port}`,
    '--tls-cert-file',
    certificate,
    '--tls-key-file',
    key,
    '--tls-auth-clients',
    'no',
  ]
  const child = spawn(binary, ['--port', '0', '--bind', '127.0.0.1', '--save', '', '--dir', folder, ...tls], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = once(child, 'exit')
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.includes('Ready to accept connections')) continue
    child.stdout.resume()
    return port
  }
  return undefined
}
