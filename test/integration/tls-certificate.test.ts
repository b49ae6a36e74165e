import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { command, succeed } from '../support/command.ts'

const skip = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed'
let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tls-test-'))
})
after(() => rm(folder, { recursive: true }))

async function certificateFor(host: string): Promise<X509Certificate> {
  await succeed('deploy/tls-certificate', [folder], { PUBLIC_HOST: host })
  return new X509Certificate(await readFile(join(folder, 'tls-certificate.pem')))
}

/** A certificate that may sign others, the default of `openssl req -x509`. */
async function writeAuthority(name: string): Promise<void> {
  const files = { '-keyout': join(folder, 'tls-key.pem'), '-out': join(folder, 'tls-certificate.pem') }
  for (const file of Object.values(files)) await rm(file, { force: true })
  const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost', '-days', '90']
  await succeed('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...names, ...Object.entries(files).flat()])
  assert.equal(new X509Certificate(await readFile(files['-out'])).ca, true)
}

/** The permitted uses of a certificate, by the names that openssl prints. */
function extensionsOf(text: string): Record<string, string> {
  const lines = text.matchAll(
    /X509v3 ((?:Extended )?Key Usage|Basic Constraints): critical *\n *(.*)|X509v3 (Extended Key Usage): *\n *(.*)/g,
  )
  return Object.fromEntries([...lines].map(([, name, value, plain, its]) => [name ?? plain, value ?? its]))
}

test('the development certificate is valid for this machine for three months and is reused', { skip }, async () => {
  const first = await certificateFor('')
  for (const name of ['localhost', 'nginx']) assert.equal(first.checkHost(name), name)
  for (const address of ['127.0.0.1', '::1']) assert.ok(first.checkIP(address))
  const days = (Date.parse(first.validTo) - Date.now()) / 86_400_000
  assert.ok(days > 89 && days <= 90)
  assert.equal((await certificateFor('')).fingerprint256, first.fingerprint256)
})

test('the development certificate is for servers only and cannot sign; one of an earlier version is replaced', {
  skip,
}, async () => {
  const certificate = await certificateFor('')
  assert.equal(certificate.ca, false)
  const text = await succeed('openssl', ['x509', '-in', join(folder, 'tls-certificate.pem'), '-noout', '-text'])
  assert.deepEqual(extensionsOf(text), {
    'Basic Constraints': 'CA:FALSE',
    'Key Usage': 'Digital Signature',
    'Extended Key Usage': 'TLS Web Server Authentication',
  })
  await writeAuthority('Sessions development certificate')
  assert.equal((await certificateFor('')).ca, false)
})

test('programs accept the development certificate only if they are configured to trust it', {
  skip,
}, async () => {
  await certificateFor('')
  const file = join(folder, 'tls-certificate.pem')
  const server = createServer({ cert: await readFile(file), key: await readFile(join(folder, 'tls-key.pem')) })
  server.on('request', (_req, res) => res.end('served'))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  try {
    const address = server.address()
    const url = `https://localhost:${typeof address === 'object' ? address?.port : 0}`
    const node = (env: Record<string, string>) =>
      command(process.execPath, ['-e', `fetch('${url}').then(async (res) => console.log(await res.text()))`], env)
    const openssl = (...trusted: string[]) =>
      command('bash', ['-c', 'openssl s_client -connect "$0" "$@" < /dev/null', new URL(url).host, ...trusted])
    assert.match((await node({ NODE_EXTRA_CA_CERTS: file })).output, /^served$/m)
    assert.match((await node({ NODE_EXTRA_CA_CERTS: '' })).output, /DEPTH_ZERO_SELF_SIGNED_CERT/)
    assert.match((await openssl('-CAfile', file)).output, /Verify return code: 0 \(ok\)/)
    assert.match((await openssl()).output, /Verify return code: 18/)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('the development certificate is recreated for another PUBLIC_HOST, name or address', { skip }, async () => {
  const named = await certificateFor('sessions.example.org')
  assert.equal(named.checkHost('sessions.example.org'), 'sessions.example.org')
  assert.equal((await certificateFor('sessions.example.org')).fingerprint256, named.fingerprint256)
  const addressed = await certificateFor('192.0.2.5')
  assert.ok(addressed.checkIP('192.0.2.5'))
  assert.equal((await certificateFor('192.0.2.5')).fingerprint256, addressed.fingerprint256)
})

test('a certificate signed by another authority is not replaced', { skip }, async () => {
  await writeAuthority('somebody')
  assert.match((await certificateFor('x.example.org')).subject, /CN=somebody/)
})
