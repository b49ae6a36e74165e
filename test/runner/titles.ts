// Prints the titles of the tests in files as JSON, by the path of the file. It runs none of them.
import { register } from 'node:module'
import { pathToFileURL } from 'node:url'

/** Replaces node:test: a test is its title, and a suite is also the titles in it. */
const STUB = `
  const titles = globalThis.titles
  const look = (title) => { titles.push(title) }
  export const test = look
  export const it = look
  export const describe = (title, ...rest) => { titles.push(title); rest.at(-1)() }
  export const before = () => {}
  export const after = before
  export const beforeEach = before
  export const afterEach = before
  export default test`
const HOOK = `
  const stub = 'data:text/javascript,' + ${JSON.stringify(encodeURIComponent(STUB))}
  export const resolve = (specifier, context, next) =>
    specifier === 'node:test' ? { url: stub, shortCircuit: true } : next(specifier, context)`
register(`data:text/javascript,${encodeURIComponent(HOOK)}`)

const titles: string[] = []
Object.assign(globalThis, { titles })
const byPath: Record<string, string[]> = {}
for (const path of process.argv.slice(2)) {
  await import(pathToFileURL(path).href)
  byPath[path] = titles.splice(0)
}
console.log(JSON.stringify(byPath))
// A resource that a file has opened must not keep this process alive.
process.exit()
