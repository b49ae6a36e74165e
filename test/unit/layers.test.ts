import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { posix } from 'node:path'
import { test } from 'node:test'

// The imports of app/src, including type imports. README.md, "How it is laid out", describes each layer.

const SOURCE = new URL('../../../app/src/', import.meta.url)

/** From top to bottom. A file may import from its own layer and lower ones. The last layer has all other files. */
const LAYERS = [
  ...['server', 'node', 'app', 'admin', 'routes', 'middleware', 'lifecycle', 'http', 'membership', 'events', 'users'],
  ...['utils', 'sessions', 'redis', 'local', 'config'],
]
/** Each file in these folders is independent of the others. */
const SEPARATE = ['routes', 'middleware']

/** By file: the files that it imports. */
type Imports = ReadonlyMap<string, readonly string[]>

const NAMES = String.raw`(?:type\s+)?(?:\w+\s*,\s*)?(?:\w+|\*(?:\s+as\s+\w+)?|\{[^{}]*\})\s+from\s+`
const STATIC = new RegExp(String.raw`^(?:(?:import|export)\s+${NAMES}|import\s+)'([^']+)'`, 'gm')
const DYNAMIC = /\bimport\('([^']+)'\)/g

async function readImports(): Promise<Imports> {
  const files = (await readdir(SOURCE, { recursive: true })).filter((name) => name.endsWith('.ts'))
  const imports = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(new URL(file, SOURCE), 'utf8')
      const named = [...text.matchAll(STATIC)].map(([, name = '']) => name)
      assert.ok(named.length >= (text.match(/^import\b/gm)?.length ?? 0), `an import of ${file} was not parsed`)
      const all = [...named, ...[...text.matchAll(DYNAMIC)].map(([, name = '']) => name)]
      const own = all.filter((name) => name.startsWith('.'))
      return [file, own.map((name) => posix.join(posix.dirname(file), name))] as const
    }),
  )
  return new Map(imports)
}

function layerOf(file: string): string {
  const [first = '', ...others] = file.split('/')
  if (others.length > 0) return first
  const [, name = 'config'] = /^(server|node|app)(?:-\w+)?\.ts$/.exec(first) ?? []
  return name
}

const rankOf = (file: string) => LAYERS.indexOf(layerOf(file))
const arrowsOf = (imports: Imports) => [...imports].flatMap(([from, all]) => all.map((to) => ({ from, to })))
const show = ({ from, to }: { from: string; to: string }) => `${from} -> ${to}`

const upwards = (imports: Imports) => arrowsOf(imports).filter(({ from, to }) => rankOf(to) < rankOf(from))

const betweenNeighbours = (imports: Imports) =>
  arrowsOf(imports).filter(({ from, to }) => layerOf(from) === layerOf(to) && SEPARATE.includes(layerOf(from)))

/** Each cycle once, as the path that leads back to its first file. */
function circles(imports: Imports): string[] {
  const found: string[] = []
  const done = new Set<string>()
  function follow(file: string, path: readonly string[]): void {
    const at = path.indexOf(file)
    if (at !== -1) found.push([...path.slice(at), file].join(' -> '))
    if (at !== -1 || done.has(file)) return
    for (const next of imports.get(file) ?? []) follow(next, [...path, file])
    done.add(file)
  }
  for (const file of imports.keys()) follow(file, [])
  return found
}

const source = await readImports()

test('this test knows every folder and parses every import of app/src', () => {
  const files = [...source.keys()]
  assert.ok(files.length > 90 && arrowsOf(source).length > 300)
  assert.deepEqual(
    files.filter((file) => rankOf(file) === -1),
    [],
  )
  for (const arrow of arrowsOf(source)) assert.ok(source.has(arrow.to), show(arrow))
})

test('no import of app/src points to a higher layer', () => {
  assert.deepEqual(upwards(source).map(show), [])
})

test('no import of app/src is part of a cycle', () => {
  assert.deepEqual(circles(source), [])
})

test('no route imports another route, and no middleware imports another middleware', () => {
  assert.deepEqual(betweenNeighbours(source).map(show), [])
})

test('this test finds a planted upward import, a planted cycle and a planted import of a neighbour', () => {
  const plant = (from: string, to: string, back: string[] = []): Imports =>
    new Map([
      [from, [to]],
      [to, back],
    ])
  assert.equal(upwards(plant('sessions/a.ts', 'http/b.ts')).length, 1)
  assert.equal(upwards(plant('environment.ts', 'local/b.ts')).length, 1)
  assert.equal(upwards(plant('app.ts', 'server-lb.ts')).length, 1)
  assert.deepEqual(circles(plant('users/a.ts', 'users/b.ts', ['users/a.ts'])), [
    'users/a.ts -> users/b.ts -> users/a.ts',
  ])
  for (const folder of SEPARATE) assert.equal(betweenNeighbours(plant(`${folder}/a.ts`, `${folder}/b.ts`)).length, 1)
})
