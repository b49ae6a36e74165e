import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { succeed } from '../lib/command.ts'

const skip = spawnSync('openssl', ['version']).status === 0 ? false : 'no openssl on this machine'
let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tls-test-'))
})
after(() => rm(folder, { recursive: true }))

async function certificateFor(host: string): Promise<X509Certificate> {
  await succeed('deploy/tls-certificate', [folder], { PUBLIC_HOST: host })
  return new X509Certificate(await readFile(join(folder, 'tls-certificate.pem')))
}

test('the development certificate is for this machine, for three months, and is kept', { skip }, async () => {
  const first = await certificateFor('')
  for (const name of ['localhost', 'nginx']) assert.equal(first.checkHost(name), name)
  for (const address of ['127.0.0.1', '::1']) assert.ok(first.checkIP(address))
  const days = (Date.parse(first.validTo) - Date.now()) / 86_400_000
  assert.ok(days > 89 && days <= 90)
  assert.equal((await certificateFor('')).fingerprint256, first.fingerprint256)
})

test('for another PUBLIC_HOST, name or address, it is made anew', { skip }, async () => {
  const named = await certificateFor('sessions.example.org')
  assert.equal(named.checkHost('sessions.example.org'), 'sessions.example.org')
  assert.equal((await certificateFor('sessions.example.org')).fingerprint256, named.fingerprint256)
  const addressed = await certificateFor('192.0.2.5')
  assert.ok(addressed.checkIP('192.0.2.5'))
  assert.equal((await certificateFor('192.0.2.5')).fingerprint256, addressed.fingerprint256)
})

test('one that somebody else has signed is left alone', { skip }, async () => {
  const files = ['-keyout', join(folder, 'tls-key.pem'), '-out', join(folder, 'tls-certificate.pem')]
  await rm(join(folder, 'tls-key.pem'), { force: true })
  await rm(join(folder, 'tls-certificate.pem'), { force: true })
  await succeed('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=somebody', ...files])
  assert.match((await certificateFor('x.example.org')).subject, /CN=somebody/)
})
