import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { z } from 'zod'
import { command, succeed, TOP } from '../support/command.ts'

const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({ version: z.string(), dev: z.boolean().default(false), integrity: z.string().optional() }),
  ),
})
const bomSchema = z.object({
  bomFormat: z.literal('CycloneDX'),
  components: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      type: z.string(),
      hashes: z.array(z.object({ alg: z.string(), content: z.string() })).default([]),
    }),
  ),
})

test('make sbom lists every runtime package with its version and hash, and the base images', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sbom-'))
  t.after(() => rm(folder, { recursive: true }))
  await succeed('test/sbom', [join(folder, 'sbom.json')])
  const { components } = bomSchema.parse(JSON.parse(await readFile(join(folder, 'sbom.json'), 'utf8')))
  const { packages } = lockSchema.parse(JSON.parse(await readFile(join(TOP, 'app/package-lock.json'), 'utf8')))
  const locked = Object.entries(packages).flatMap(([path, { version, dev, integrity = '' }]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const hash = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex')
    return path === '' || dev ? [] : [`${name} ${version} SHA-512 ${hash}`]
  })
  const listed = components
    .filter(({ type }) => type === 'library')
    .map(({ name, version, hashes }) =>
      [name, version, ...hashes.flatMap(({ alg, content }) => [alg, content])].join(' '),
    )
  assert.ok(locked.some((one) => one.startsWith('@redis/client ')))
  assert.deepEqual([...new Set(listed)].sort(), [...new Set(locked)].sort())
  const images = components.filter(({ type }) => type === 'container').map(({ name }) => name)
  assert.deepEqual(images.sort(), ['nginx', 'node', 'redis'])
})

const INDEX = 'application/vnd.oci.image.index.v1+json'
const FILES = [
  ...['docker-compose.yml', 'test/bench/compose.yml', 'app/Dockerfile'],
  ...['deploy/kubernetes/base/nginx.yaml', 'deploy/kubernetes/base/redis/statefulset.yaml'],
  ...['deploy/kubernetes/components/sentinel/sentinel.yaml', 'deploy/kubernetes/components/cluster/join.yaml'],
]

/** The files of a project that deploy/pin needs, with their contents. */
async function filesToPin(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'pin-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const part of ['deploy', 'nginx', ...FILES]) {
    await mkdir(dirname(join(folder, part)), { recursive: true })
    await cp(join(TOP, part), join(folder, part), { recursive: true })
  }
  const contents = async () => (await Promise.all(FILES.map((file) => readFile(join(folder, file), 'utf8')))).join('\n')
  return { folder, contents, pin: (registry: string) => command('deploy/pin', [registry], {}, folder) }
}

/** The part of a registry that `make pin` uses. It requires a token and issues one to any client. */
async function startRegistry(t: TestContext, digestOf: (image: string) => string, type = INDEX) {
  const asked: string[] = []
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? '', 'http://any')
    if (url.pathname === '/token') {
      res.end(JSON.stringify({ expires_in: 300, token: `for ${url.searchParams.get('scope')}` }))
      return
    }
    const [, name = '', tag = ''] = /^\/v2\/(.+)\/manifests\/(.+)$/.exec(url.pathname) ?? []
    if (req.headers.authorization !== `Bearer for repository:${name}:pull`) {
      const realm = `http://127.0.0.1:${port}/token`
      res.writeHead(401, { 'WWW-Authenticate': `Bearer realm="${realm}",service="a registry",scope="other"` }).end()
      return
    }
    asked.push(`${req.method} ${name}:${tag}`)
    const digest = digestOf(`${name}:${tag}`)
    if (digest === '') res.writeHead(404).end()
    else res.writeHead(200, { 'Content-Type': type, 'Docker-Content-Digest': digest }).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  return { url: `http://127.0.0.1:${port}`, asked }
}

const digest = (letter: string) => `sha256:${letter.repeat(64)}`
const withoutDigests = (text: string) => text.replaceAll(/@sha256:[0-9a-f]{64}/g, '')

test('make pin adds the digest of every base image to its tag, and updates it', async (t) => {
  const { folder, contents, pin } = await filesToPin(t)
  const before = await contents()
  for (const letter of ['a', 'b']) {
    const registry = await startRegistry(t, () => digest(letter))
    const { code, output } = await pin(registry.url)
    assert.equal(code, 0, output)
    const names = withoutDigests(output).trim().split('\n')
    assert.deepEqual(
      names.map((name) => name.replace(/:.*/, '')),
      ['grafana/k6', 'nginx', 'node', 'redis'],
    )
    const repositories = names.map((name) => (name.includes('/') ? name : `library/${name}`))
    assert.deepEqual(
      registry.asked,
      repositories.map((name) => `HEAD ${name}`),
    )
    const pinned = await contents()
    for (const name of names) {
      const places = withoutDigests(before)
        .split('\n')
        .filter((line) => line.endsWith(` ${name}`) || line.endsWith(`=${name}`))
      assert.ok(places.length > 0)
      for (const line of places) assert.ok(pinned.includes(`${line}@${digest(letter)}\n`), line)
    }
    assert.equal(withoutDigests(pinned), withoutDigests(before), 'nothing else has changed')
  }
  const { code, output } = await command('docker', ['compose', '--profile', '*', 'config', '--images'], {}, folder)
  if (code === 0) assert.match(output, new RegExp(`^nginx:[0-9.]+@${digest('b')}$`, 'm'))
})

test('make pin changes nothing and reports the cause if a digest is unavailable or is for one platform only', async (t) => {
  const { contents, pin } = await filesToPin(t)
  const before = await contents()
  const isRedis = (image: string) => image.startsWith('library/redis:')
  for (const [registry, reason] of [
    [await startRegistry(t, (image) => (isRedis(image) ? '' : digest('a'))), /404/],
    [await startRegistry(t, (image) => (isRedis(image) ? 'sha256:short' : digest('a'))), /the answer has no digest/],
    [
      await startRegistry(t, () => digest('a'), 'application/vnd.oci.image.manifest.v1+json'),
      /an image of one platform/,
    ],
    [{ url: 'http://127.0.0.1:1' }, /connect/i],
  ] as const) {
    const { code, output } = await pin(registry.url)
    assert.equal(code, 1, output)
    assert.match(
      output,
      new RegExp(`^Nothing was pinned. No digest of \\S+ from ${registry.url}: .*(${reason.source})`, 'im'),
    )
    assert.equal(await contents(), before)
  }
})
