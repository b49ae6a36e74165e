import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { succeed } from '../support/command.ts'
import { cookieOf, getUser, logIn } from '../support/http.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { runNode } from '../support/program.ts'
import { createRedisProcess, createSentinelProcess } from '../support/redis-process.ts'

// A Redis and a sentinel that speak TLS only. Their certificate is signed by an authority of this test.

let folder: string
let port: number
let sentinelPort: number
let stop: () => Promise<void>

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'test-redis-tls-'))
  await createCertificate()
  ;[port, sentinelPort] = [await lastingPort(), await lastingPort()]
  const redis = createRedisProcess(0, folder, [
    '--tls-port',
    `${port}`,
    ...TLS.flatMap(([name, value]) => [`--${name}`, value()]),
  ])
  await redis.start()
  const file = join(folder, 'sentinel.conf')
  const lines = [
    ...['port 0', `tls-port ${sentinelPort}`, 'bind 127.0.0.1', `dir ${folder}`],
    ...TLS.map(([name, value]) => `${name} ${value()}`),
    `sentinel monitor main 127.0.0.1 ${port} 1`,
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  const sentinel = createSentinelProcess(file)
  await sentinel.start()
  stop = async () => {
    await sentinel.kill()
    await redis.kill()
    await rm(folder, { recursive: true })
  }
})
after(() => stop())

const TLS = [
  ['tls-cert-file', () => join(folder, 'redis.crt')],
  ['tls-key-file', () => join(folder, 'redis.key')],
  ['tls-ca-cert-file', () => join(folder, 'ca.crt')],
  ['tls-auth-clients', () => 'no'],
  ['tls-replication', () => 'yes'],
] as const

async function createCertificate(): Promise<void> {
  const at = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => succeed('openssl', args)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await openssl('req', '-x509', ...key, '-keyout', at('ca.key'), '-out', at('ca.crt'), '-subj', '/CN=authority')
  await openssl('req', ...key, '-keyout', at('redis.key'), '-out', at('redis.csr'), '-subj', '/CN=redis')
  await writeFile(at('names'), 'subjectAltName=IP:127.0.0.1\n')
  const signed = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('names')]
  await openssl('x509', '-req', '-in', at('redis.csr'), '-out', at('redis.crt'), ...signed)
}

for (const [what, env] of [
  ['a single Redis', () => ({ REDIS_URL: `rediss://127.0.0.1:${port}` })],
  [
    'a Redis that sentinels name',
    () => ({
      ...{ REDIS_SENTINELS: `127.0.0.1:${sentinelPort}`, REDIS_PRIMARY: 'main', REDIS_TLS: 'on' },
      SESSION_REPLICAS: '0',
    }),
  ],
] as const) {
  test(`over TLS, a node uses ${what} whose certificate is signed by the authority in REDIS_CA_FILE`, async (t) => {
    const node = runNode('server', { ...env(), REDIS_CA_FILE: join(folder, 'ca.crt') })
    t.after(async () => {
      node.signal('SIGKILL')
      await node.ended
    })
    const { url } = await node.listening()
    assert.equal((await getUser(url, cookieOf(await logIn(url)))).status, 200)
  })

  test(`over TLS, a node rejects ${what} of an unknown authority, with one line that names REDIS_CA_FILE`, async () => {
    const node = runNode('server', env())
    assert.equal(await node.ended, 1)
    const lines = (await node.allLines).filter(({ level }) => level === 'fatal')
    assert.equal(lines.length, 1)
    assert.match(String(lines[0]?.msg), /^[^\n]*certificate[^\n]*REDIS_CA_FILE[^\n]*$/)
  })
}
