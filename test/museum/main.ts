// The museum: how the session libraries of other frameworks answer the questions of the prover. test/museum/run calls it.
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { command, TOP } from '../support/command.ts'
import { createProgress } from '../support/progress.ts'
import { BUILT, EXHIBITS, type Exhibit } from './exhibits.ts'
import { prepare, startExhibit } from './stack.ts'
import { measureSticky } from './sticky.ts'
import { type Shown, shownSchema, writeSticky, writeTable } from './table.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** Keeps the exhibit running until Ctrl+C, for commands by hand. */
    keep: { type: 'boolean', default: false },
    /** Asks this question only. */
    only: { type: 'string' },
  },
})
const showStep = createProgress()
const chosen = EXHIBITS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
const skipped: string[] = []
const shown: Shown[] = []

if (positionals[0] === 'sticky') {
  console.table(await askSticky())
  process.exit()
}
if (chosen.length === 0)
  throw new Error(`There is no such exhibit. There are: ${EXHIBITS.map(({ name }) => name).join(', ')}`)
for (const exhibit of chosen) {
  try {
    await showStep(`Install ${exhibit.name}`, () => prepare(exhibit))
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    skipped.push(exhibit.name)
    continue
  }
  await show(exhibit)
}
if (positionals.length === 0 && values.only === undefined) {
  await writeTable(shown, skipped)
  await askSticky()
  console.log('docs/museum.md has the table.')
}
if (skipped.length > 0) console.error(`Skipped, because a package cannot be had: ${skipped.join(', ')}`)

async function askSticky() {
  const rows = await showStep('Count users who are signed out with sticky sessions', measureSticky)
  await writeSticky(rows)
  return rows
}

async function show(exhibit: Exhibit): Promise<void> {
  const stop = await startExhibit(exhibit)
  try {
    if (values.keep) {
      console.log(`${exhibit.name} listens on http://127.0.0.1:${exhibit.port}. Stop it with Ctrl+C.`)
      await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
      return
    }
    const report = `${BUILT}/report/${exhibit.name}`
    const prover = `${TOP}/test/prove/dist/test/prove/src/cli.js`
    const only = values.only === undefined ? [] : ['--only', values.only]
    const description = `${TOP}/test/museum/${exhibit.name}/app.yml`
    const { output } = await showStep(`Ask ${exhibit.name}`, () =>
      command('node', [prover, description, '--report', report, ...only]),
    )
    if (chosen.length === 1) console.log(output)
    const json: unknown = JSON.parse(await readFile(`${report}/report.json`, 'utf8'))
    shown.push({ exhibit: exhibit.name, ...shownSchema.parse(json) })
  } finally {
    await stop()
  }
}
