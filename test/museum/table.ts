import { readFile, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { TOP } from '../support/command.ts'
import type { StickyRow } from './sticky.ts'
import { versionsOf } from './versions.ts'

export const shownSchema = z.object({
  name: z.string(),
  answers: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      verdict: z.string(),
      saw: z.array(z.string()),
      concluded: z.string(),
    }),
  ),
})
export interface Shown extends z.infer<typeof shownSchema> {
  exhibit: string
}

const FILE = `${TOP}/docs/museum.md`
const STICKY_PART = /(<!-- sticky, written by make museum -->\n)[\s\S]*(<!-- end of sticky -->)/
const PART = /(<!-- written by make museum -->\n)[\s\S]*(<!-- end -->)/
const WORDS: Record<string, string> = { PASS: 'pass', FAIL: '**FAIL**', 'NOT JUDGED': 'not judged' }

/** Replaces the table of sticky sessions in docs/museum.md. */
export async function writeSticky(rows: readonly StickyRow[]): Promise<void> {
  const table = [
    row(['Event', 'Sticky sessions in memory', 'This project, without affinity']),
    row(['---', '---', '---']),
    ...rows.map(({ event, users, memory, redis }) => row([event, `${memory} of ${users}`, `${redis} of ${users}`])),
  ].join('\n')
  const text = await readFile(FILE, 'utf8')
  await writeFile(
    FILE,
    text.replace(STICKY_PART, (_whole, start: string, end: string) => `${start}\n${table}\n\n${end}`),
  )
}

/** Replaces the tables in docs/museum.md. */
export async function writeTable(shown: readonly Shown[], skipped: readonly string[]): Promise<void> {
  const text = await readFile(FILE, 'utf8')
  const tables = await renderTables(shown, skipped)
  await writeFile(
    FILE,
    text.replace(PART, (_whole, start: string, end: string) => `${start}\n${tables}\n\n${end}`),
  )
}

async function renderTables(shown: readonly Shown[], skipped: readonly string[]): Promise<string> {
  const questions = shown[0]?.answers ?? []
  const table = [
    row(['Question', ...shown.map(({ name }) => name)]),
    row(['---', ...shown.map(() => '---')]),
    ...questions.map(({ id, title }) => row([title, ...shown.map((one) => cell(one, id))])),
  ]
  const versions = await Promise.all(shown.map(async ({ exhibit, name }) => `- ${name}: ${await versionsOf(exhibit)}`))
  const red = shown.flatMap((one) =>
    one.answers.filter(({ verdict }) => verdict === 'FAIL').map((answer) => ({ one, answer })),
  )
  const evidence = [
    row(['Stack', 'Question', 'What was seen', 'Command']),
    row(['---', '---', '---', '---']),
    ...red.map(({ one, answer }) =>
      row([
        ...[
          one.name,
          `\`${answer.id}\``,
          oneLine([...answer.saw.filter((line) => !line.includes('\n')), answer.concluded]),
        ],
        `\`test/museum/run ${one.exhibit} --only ${answer.id}\``,
      ]),
    ),
  ]
  const missing =
    skipped.length === 0 ? [] : ['', `Skipped, because a package could not be had: ${skipped.join(', ')}.`]
  return [...table, ...missing, '', 'Versions:', '', ...versions, '', '### Evidence', '', ...evidence].join('\n')
}

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
const cell = ({ answers }: Shown, id: string) => WORDS[answers.find((answer) => answer.id === id)?.verdict ?? ''] ?? ''
/** As sentences, of which some are only a value. */
const oneLine = (lines: readonly string[]) =>
  lines
    .map((line) => (/[.:;]$/.test(line) ? line : `${line}.`))
    .join(' ')
    .replaceAll('|', '\\|')
