import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { z } from 'zod'

const top = new URL('../../../', import.meta.url)
const read = (path: string) => readFile(new URL(path, top), 'utf8')

const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      integrity: z.string().optional(),
      resolved: z.string().optional(),
      link: z.boolean().default(false),
      hasInstallScript: z.boolean().default(false),
    }),
  ),
})
/** All packages of both lock files, without the linked parts of this project. */
async function readLocks() {
  const locks = ['app/package-lock.json', 'test/package-lock.json'].map(async (file) => {
    const { packages } = lockSchema.parse(JSON.parse(await read(file)))
    const fetched = Object.entries(packages).filter(([path, { link }]) => path.startsWith('node_modules/') && !link)
    assert.ok(fetched.length > 100, file)
    return fetched
  })
  return (await Promise.all(locks)).flat()
}

test('every package of the lock files, for any platform, has a SHA-512 hash and comes from the npm registry', async () => {
  for (const [path, { integrity = '', resolved }] of await readLocks()) {
    assert.match(integrity, /^sha512-[A-Za-z0-9+/]{86}==$/, path)
    // Without a URL, npm uses the registry configured on the machine. The hash protects both.
    if (resolved !== undefined) assert.match(resolved, /^https:\/\/registry\.npmjs\.org\//, path)
  }
})

test('no package has an install script, and npm may run none', async () => {
  assert.deepEqual(
    (await readLocks()).filter(([, { hasInstallScript }]) => hasInstallScript),
    [],
  )
  const inDeploy = await readdir(new URL('deploy/', top), { withFileTypes: true, recursive: true })
  const scripts = inDeploy.filter((entry) => entry.isFile()).map(({ parentPath, name }) => `${parentPath}/${name}`)
  const files = [
    'app/Dockerfile',
    'test/prove/Dockerfile',
    'test/run',
    'test/audit',
    'test/bench/run',
    '.ci/run',
    ...scripts,
  ]
  const texts = await Promise.all(files.map(read))
  const installs = texts.flatMap((text) => text.match(/\bnpm (ci|install|i)\b.*/g) ?? [])
  assert.ok(installs.length >= 3)
  for (const install of installs) assert.match(install, / --ignore-scripts /)
})

test('the image’s packages are installed and its programs compiled as non-root', async () => {
  const stages = (await read('app/Dockerfile')).split(/^(?=FROM )/m).slice(1)
  assert.match(stages.find((stage) => / AS base$/m.test(stage)) ?? '', /^USER [1-9]\d*:[1-9]\d*$/m)
  const building = stages.filter((stage) => /^RUN .*\bnpm /m.test(stage))
  assert.ok(building.length >= 2)
  for (const stage of building) {
    assert.match(stage, /^FROM (base|build) AS /)
    assert.doesNotMatch(stage, /^USER /m)
  }
})

test('the prover installs exact versions, the same as the tests have, and nothing else', async () => {
  const wanted = z.object({ dependencies: z.record(z.string(), z.string()) })
  const { dependencies } = wanted.parse(JSON.parse(await read('test/prove/package.json')))
  assert.deepEqual(Object.keys(dependencies), ['yaml', 'zod'])
  const lock = z.object({ packages: z.record(z.string(), z.looseObject({ version: z.string().optional() })) })
  const { packages } = lock.parse(JSON.parse(await read('test/package-lock.json')))
  for (const [name, version] of Object.entries(dependencies)) {
    assert.equal(packages[`node_modules/${name}`]?.version, version)
    assert.equal(packages[`node_modules/${name}`]?.dependencies, undefined)
  }
})
