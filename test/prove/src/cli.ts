#!/usr/bin/env node
// Judges the sessions of any application: prove-sessions my-app.yml
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { forK6 } from './for-k6.ts'
import { renderJunit } from './junit.ts'
import { QUESTIONS } from './questions/all.ts'
import { InvalidDescription, jsonSchema, readDescription } from './read-description.ts'
import { EXIT_STATUS, outcomeOf, type Report, renderText } from './report.ts'
import { renderHtml } from './report-html.ts'
import { run } from './run.ts'

const USAGE = `Usage: prove-sessions my-app.yml [options]

Judges how an application with several nodes keeps its sessions. my-app.yml describes how to log in.

  --report FOLDER   where the reports go (default: prove-report): report.html, junit.xml, report.json
  --only ID,ID      ask only these questions: ${QUESTIONS.map(({ id }) => id).join(', ')}
  --max-requests N  stop after so many requests (default: 4000)
  --schema          print the JSON Schema of the description
  --for-k6          print the description and its nodes as the k6 scripts need them, passwords included

Exit status: 0 all passed, 1 a question failed, 2 something could not be judged, 3 the description is not valid.`
const INVALID = 3

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort())

try {
  process.exitCode = await main()
} catch (error) {
  if (stop.signal.aborted) console.error('Stopped. The sessions of the run were logged out.')
  else if (error instanceof InvalidDescription) console.error(error.message)
  else console.error(error)
  process.exitCode = INVALID
}

async function main(): Promise<number> {
  const { values, positionals } = readArguments()
  const [file, ...others] = positionals
  if (values.schema === true) {
    console.log(JSON.stringify(jsonSchema(), null, 2))
    return 0
  }
  const wanted = values.only?.split(',') ?? QUESTIONS.map(({ id }) => id)
  const unknown = wanted.find((id) => !QUESTIONS.some((question) => question.id === id))
  if (values.help === true || file === undefined || others.length > 0 || unknown !== undefined) {
    if (unknown !== undefined) console.error(`There is no question ${unknown}.\n`)
    console.error(USAGE)
    return values.help === true ? 0 : INVALID
  }
  const app = await readDescription(file, process.env)
  const folder = dirname(resolve(file))
  if (values['for-k6'] === true) return forK6({ app, folder, signal: stop.signal })
  const report = await run({
    ...{ app, folder, signal: stop.signal },
    maxRequests: readLimit(values['max-requests']),
    questions: QUESTIONS.filter(({ id }) => wanted.includes(id)),
    onAnswer: ({ verdict, title, seconds }) => console.log(`${verdict.padEnd(10)} ${title} (${seconds.toFixed(1)} s)`),
  })
  console.log(`\n${renderText(report)}\n\nThe report is ${await writeReports(values.report, report)}`)
  return EXIT_STATUS[outcomeOf(report)]
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        report: { type: 'string', default: 'prove-report' },
        only: { type: 'string' },
        'max-requests': { type: 'string', default: '4000' },
        schema: { type: 'boolean' },
        'for-k6': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new InvalidDescription(`${error instanceof Error ? error.message : error}\n\n${USAGE}`)
  }
}

function readLimit(text: string): number {
  const limit = Number(text)
  if (!Number.isInteger(limit) || limit < 1)
    throw new InvalidDescription('--max-requests must be a whole number above 0')
  return limit
}

/** Returns the path of the page. */
async function writeReports(folder: string, report: Report): Promise<string> {
  await mkdir(folder, { recursive: true })
  await writeFile(
    join(folder, 'report.json'),
    `${JSON.stringify({ outcome: outcomeOf(report), ...report }, null, 2)}\n`,
  )
  await writeFile(join(folder, 'junit.xml'), renderJunit(report))
  await writeFile(join(folder, 'report.html'), renderHtml(report))
  return join(folder, 'report.html')
}
