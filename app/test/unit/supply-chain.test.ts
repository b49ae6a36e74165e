import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { z } from 'zod'

const top = new URL('../../../../', import.meta.url)
const read = (path: string) => readFile(new URL(path, top), 'utf8')

const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      integrity: z.string().optional(),
      resolved: z.string().optional(),
      hasInstallScript: z.boolean().default(false),
    }),
  ),
})
const readLock = async () => Object.entries(lockSchema.parse(JSON.parse(await read('app/package-lock.json'))).packages)

test('every package of the lock file has a SHA-512 hash and comes from the npm registry, whatever the platform', async () => {
  const packages = (await readLock()).filter(([path]) => path !== '')
  assert.ok(packages.length > 200)
  for (const [path, { integrity = '', resolved }] of packages) {
    assert.match(integrity, /^sha512-[A-Za-z0-9+/]{86}==$/, path)
    // Without it npm uses the registry that is set on the machine. The hash decides either way.
    if (resolved !== undefined) assert.match(resolved, /^https:\/\/registry\.npmjs\.org\//, path)
  }
})

test('no package runs a script when it is installed: none wants to, and none may', async () => {
  assert.deepEqual(
    (await readLock()).filter(([, { hasInstallScript }]) => hasInstallScript),
    [],
  )
  const scripts = (await readdir(new URL('deploy/', top))).map((file) => `deploy/${file}`)
  const files = ['app/Dockerfile', 'test/run', 'test/audit', 'test/bench', '.ci/run', ...scripts]
  const texts = await Promise.all(files.map(read))
  const installs = texts.flatMap((text) => text.match(/\bnpm (ci|install|i)\b.*/g) ?? [])
  assert.ok(installs.length >= 3)
  for (const install of installs) assert.match(install, / --ignore-scripts /)
})

test('the packages of the image are fetched, and its programs compiled, without root', async () => {
  const stages = (await read('app/Dockerfile')).split(/^(?=FROM )/m).slice(1)
  assert.match(stages.find((stage) => / AS base$/m.test(stage)) ?? '', /^USER [1-9]\d*:[1-9]\d*$/m)
  const building = stages.filter((stage) => /^RUN .*\bnpm /m.test(stage))
  assert.ok(building.length >= 3)
  for (const stage of building) {
    assert.match(stage, /^FROM (base|build) AS /)
    assert.doesNotMatch(stage, /^USER /m)
  }
})
