import assert from 'node:assert/strict'
import { access, readdir, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { environment } from '../../src/config.ts'

const top = new URL('../../../../', import.meta.url)
const read = (path: string) => readFile(new URL(path, top), 'utf8')

test('the README has every variable, with its default', async () => {
  const section = /## Configuration\n([\s\S]*?)\n## /.exec(await read('README.md'))?.[1] ?? ''
  const rows = [...section.matchAll(/^\| `([A-Z_]+)` \| (?:`([^`]*)`)? ?\|/gm)]
  const documented = Object.fromEntries(rows.map(([, name, value]) => [name, value]))
  const defaults = Object.entries(environment.parse({})).map(([name, value]) => [name, String(value)])
  const optional = Object.keys(environment.shape).map((name) => [name, undefined])
  assert.deepEqual(documented, Object.fromEntries([...optional, ...defaults]))
})

test('the README marks the variables that Compose passes on', async () => {
  const [readme, compose] = [await read('README.md'), await read('docker-compose.yml')]
  const marked = [...readme.matchAll(/^\| `([A-Z_]+)` \| [^|]*\| • \|/gm)].map(([, name]) => name)
  const [, node = ''] = /^x-node:(.*?)^services:/ms.exec(compose) ?? []
  const passedOn = [...node.matchAll(/^ {4}([A-Z_]+): \$\{\1:-\}$/gm)].map(([, name]) => name)
  assert.ok(passedOn.length > 0)
  assert.deepEqual(marked.sort(), passedOn.sort())
})

test('every make target in the README exists', async () => {
  const [readme, makefile] = [await read('README.md'), await read('Makefile')]
  const named = [...readme.matchAll(/\bmake ([a-z][a-z-]+)\b/g)].map(([, target]) => target ?? '')
  const prose = new Set(['alone'])
  for (const target of named) if (!prose.has(target)) assert.match(makefile, new RegExp(`^${target}:.*## `, 'm'))
})

test('every file and folder that the README names exists', async () => {
  const readme = await read('README.md')
  const layout = /## How it is laid out\n\n```\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
  const paths = [...layout.matchAll(/^(\S+\/\S*?),? /gm)].map(([, path]) => path ?? '')
  assert.ok(paths.length > 8)
  for (const path of paths) await access(new URL(path, top))
})

test('every test that docs/security.md names exists', async () => {
  const named = [...(await read('docs/security.md')).matchAll(/^\|.*\| (`.+`) \|$/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  )
  assert.ok(named.length > 45)
  const folders = [
    'app/test/lib',
    'app/test/unit',
    'app/test/integration',
    'app/test/browser',
    'test/compose',
    'test/local',
  ]
  const sources = await Promise.all(
    folders.map(async (folder) => {
      const files = await readdir(new URL(folder, top))
      return Promise.all(files.map((file) => read(`${folder}/${file}`)))
    }),
  )
  const all = sources.flat().join('\n')
  for (const name of named) assert.ok(all.includes(name), `there is no test "${name}"`)
})
