import assert from 'node:assert/strict'
import { access, readdir, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { verify } from '@node-rs/argon2'
import { environment } from 'app/environment'
import { readAccounts } from 'app/users/users'
import { ATTACKS } from '../attack/all.ts'

const top = new URL('../../../', import.meta.url)
const read = (path: string) => readFile(new URL(path, top), 'utf8')

test('the README lists every variable with its default', async () => {
  const section = /## Configuration\n([\s\S]*?)\n###? /.exec(await read('README.md'))?.[1] ?? ''
  const rows = [...section.matchAll(/^\| `([A-Z_]+)` \| (?:`([^`]*)`)? ?\|/gm)]
  const documented = Object.fromEntries(rows.map(([, name, value]) => [name, value]))
  const defaults = Object.entries(environment.parse({})).map(([name, value]) => [name, String(value)])
  const optional = Object.keys(environment.shape).map((name) => [name, undefined])
  assert.deepEqual(documented, Object.fromEntries([...optional, ...defaults]))
})

test('the README marks the variables that Compose and Kubernetes pass on', async () => {
  const [readme, compose] = [await read('README.md'), await read('docker-compose.yml')]
  const marked = [...readme.matchAll(/^\| `([A-Z_]+)` \| [^|]*\| • \|/gm)].map(([, name]) => name)
  const [, node = ''] = /^x-node:(.*?)^services:/ms.exec(compose) ?? []
  const passedOn = [...node.matchAll(/^ {4}([A-Z_]+): \$\{\1:-\}$/gm)].map(([, name]) => name)
  assert.ok(passedOn.length > 0)
  assert.deepEqual(marked.sort(), passedOn.sort())
  const [, names = ''] = /^SETTINGS_OF_NODES='([^']*)'/m.exec(await read('deploy/environment.sh')) ?? []
  assert.deepEqual(names.split(/\s+/).sort(), marked)
})

test('the README names every demo account with its password', async () => {
  const sentence = /The demo accounts are ([^.]*)\./.exec(await read('README.md'))?.[1] ?? ''
  const passwords = new Map(
    [...sentence.matchAll(/(\w+) \(`([^`]+)`\)/g)].map(([, name, password]) => [name, password]),
  )
  const accounts = await readAccounts(new URL('app/demo-users.json', top))
  assert.equal(passwords.size, accounts.length)
  for (const { username, passwordHash } of accounts)
    assert.ok(await verify(passwordHash, passwords.get(username) ?? ''), username)
})

/** The README and the pages of docs/, by path. */
async function readPages(): Promise<[path: string, text: string][]> {
  const docs = (await readdir(new URL('docs/', top), { recursive: true })).filter((file) => file.endsWith('.md'))
  const paths = ['README.md', ...docs.map((file) => `docs/${file}`)]
  return Promise.all(paths.map(async (path): Promise<[string, string]> => [path, await read(path)]))
}

test('every make target named in the README and docs/ exists', async () => {
  const makefile = await read('Makefile')
  const targets = new Set([...makefile.matchAll(/^([a-z][a-z0-9-]*):.*## /gm)].map(([, target]) => target))
  for (const [path, text] of await readPages())
    for (const [, target = ''] of text.matchAll(/(?:`|^)make ([a-z][a-z0-9-]+)\b/gm))
      assert.ok(targets.has(target), `${path}: target ${target} does not exist`)
})

test('every link of the README and docs/ to a file or a heading resolves', async () => {
  const pages = new Map(await readPages())
  for (const [path, text] of pages) {
    for (const [, link = ''] of text.matchAll(/(?:\]\(|src="|srcset=")([^)"]+)/g)) {
      if (link.startsWith('https://')) continue
      const { pathname, hash } = new URL(link, `file:///${path}`)
      await access(new URL(pathname.slice(1), top)).catch(() => assert.fail(`${path}: ${link}`))
      if (hash !== '') assert.ok(anchorsOf(pages.get(pathname.slice(1))).has(hash), `${path}: ${link}`)
    }
  }
})

/** The anchors that GitHub gives to the headings of a page. */
const anchorsOf = (page = '') =>
  new Set(
    [...page.matchAll(/^#+ (.+)$/gm)].map(
      ([, heading = '']) =>
        `#${heading
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-')}`,
    ),
  )

test('every file named in the README and docs/contributing.md exists, and the README names every folder of app/src and test', async () => {
  const readme = await read('README.md')
  const layout = /## How it is laid out\n\n```\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
  const paths = [...layout.matchAll(/^(\S+\/\S*?),? /gm)].map(([, path]) => path ?? '')
  for (const folder of ['app/src', 'test']) {
    const entries = await readdir(new URL(folder, top), { withFileTypes: true })
    const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${folder}/${name}/`)
    for (const name of names.filter((one) => !/(dist|node_modules)\/$/.test(one)))
      assert.ok(
        paths.some((path) => path.startsWith(name)),
        `the README does not explain ${name}`,
      )
  }
  const contributing = await read('docs/contributing.md')
  const named = [...contributing.matchAll(/`((?:app|test|loadtest|nginx|deploy|docs)\/[\w./-]+)`/g)].map(
    ([, path]) => path ?? '',
  )
  for (const path of [...paths, ...named]) await access(new URL(path, top))
})

test('the README has the same figures as docs/performance.md', async () => {
  const cost = /## Cost\n([\s\S]*?)\n## /.exec(await read('README.md'))?.[1] ?? ''
  const figures = [...cost.matchAll(/^\| .*$/gm)].flatMap(([row]) =>
    row.split('|').filter((cell) => /^ -?\d/.test(cell)),
  )
  assert.equal(figures.length, 18)
  const performance = await read('docs/performance.md')
  for (const figure of figures) assert.ok(performance.includes(`|${figure}|`), figure)
})

test('the README has the numbers of attacks and of k6 lessons', async () => {
  const readme = await read('README.md')
  const files = await readdir(new URL('loadtest/', top))
  for (const lesson of files.filter((file) => /^\d/.test(file))) assert.ok(readme.includes(lesson), lesson)
  assert.equal(ATTACKS.length, 11)
  assert.match(readme, /runs eleven attacks/)
})

test('every test named in docs/security.md exists', async () => {
  const named = [...(await read('docs/security.md')).matchAll(/^\|.*\| (`.+`) \|$/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  )
  assert.ok(named.length > 45)
  const folders = ['test/support', 'test/unit', 'test/integration', 'test/browser', 'test/stack']
  const sources = await Promise.all(
    folders.map(async (folder) => {
      const files = (await readdir(new URL(folder, top), { recursive: true })).filter((name) => name.endsWith('.ts'))
      return Promise.all(files.map((file) => read(`${folder}/${file}`)))
    }),
  )
  const all = sources.flat().join('\n')
  for (const name of named) assert.ok(all.includes(name), `there is no test "${name}"`)
})

test('the version of k6 is that of docker-compose.yml wherever it is mentioned', async () => {
  const docs = (await readdir(new URL('docs', top)))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
  const [, version] = /image: grafana\/k6:([\d.]+)/.exec(await read('docker-compose.yml')) ?? []
  assert.ok(version)
  for (const path of ['README.md', 'Makefile', 'loadtest/run', 'loadtest/control', 'test/run', ...docs])
    for (const [, mentioned] of (await read(path)).matchAll(/k6[: ](\d+(?:\.\d+)*)/g))
      assert.equal(mentioned, version, path)
})
