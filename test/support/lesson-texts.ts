import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { TOP } from './command.ts'
import { APP } from './program.ts'

// The lessons of app/page/lessons as Markdown and as HTML for browsers without scripts. They are the only source of all texts.

const step = z.object({
  text: z.string(),
  command: z.string().optional(),
  button: z.object({ text: z.string() }).optional(),
})
const lesson = z.object({
  ...{ id: z.string(), title: z.string(), question: z.string(), expected: z.string(), why: z.string() },
  ...{ choices: z.record(z.string(), z.string()), steps: z.array(step), after: step.optional() },
})
export type LessonText = z.infer<typeof lesson>
type StepText = z.infer<typeof step>

/** What the page replaces by the names of the reader's own nodes and session. */
const EXAMPLE: Record<string, string> = {
  ...{ creator: 'app-1', stream: 'app-2', user: 'ada', url: 'http://localhost:8080' },
  ...{ hint: 'session:XXXXXX', cookie: 'sid', insecure: '' },
}

export const fillWith = (text: string, names: Record<string, string>) =>
  Object.entries(names).reduce((filled, [name, value]) => filled.replaceAll(`{${name}}`, value), text)
const fill = (text: string) => fillWith(text, EXAMPLE)

/** Reads the compiled lessons of the page. */
export async function readLessons(): Promise<LessonText[]> {
  const module: unknown = await import(`file://${APP}dist/page/lessons/all.js`)
  return z.object({ LESSONS: z.array(lesson) }).parse(module).LESSONS
}

const INTRO = `# Lessons

The page has eight lessons: press **Lessons**. You predict what happens, try it, and the page shows what it has seen. Start the stack
first: \`make up\`. Lessons 2, 3, 4, 7 and 8 need Docker.

The page writes the names of your nodes into the commands. Here the node that created the session is app-1. \`XXXXXX\` stands for
the first characters of your token. Run the commands in the top folder of the project.
`
const WRITTEN = 'Written by `make lessons` from `app/page/lessons/'

/** The pages of docs/lessons/, by file name. */
export function lessonPages(lessons: readonly LessonText[]): Map<string, string> {
  const fileOf = ({ id }: LessonText) => `${lessons.findIndex((one) => one.id === id) + 1}-${id}.md`
  const list = lessons.map((one, place) => `${place + 1}. [${one.title}](${fileOf(one)}): ${fill(one.question)}`)
  const pages = lessons.map((one, place): [string, string] => {
    const next = lessons[place + 1]
    const links = ['[All lessons](README.md)', ...(next ? [`next: [${next.title}](${fileOf(next)})`] : [])]
    return [fileOf(one), `${markdownOf(one, place + 1)}\n${links.join(', ')}\n`]
  })
  return new Map([['README.md', `${INTRO}\n${list.join('\n')}\n\n<!-- ${WRITTEN}all.ts\`. -->\n`], ...pages])
}

function markdownOf({ id, title, question, choices, expected, steps, why, after }: LessonText, number: number): string {
  const parts = [
    `# ${number}. ${title}`,
    fill(question),
    '**What do you predict?**',
    Object.values(choices)
      .map((choice) => `- ${fill(choice)}`)
      .join('\n'),
    '**Try it**',
    ...steps.map((one, place) => stepOf(one, `${place + 1}. `)),
    '<details><summary>What happens</summary>',
    `**${fill(choices[expected] ?? '')}** ${fill(why)}`,
    ...(after ? [stepOf(after, '')] : []),
    '</details>',
    `<!-- ${WRITTEN}${id}.ts\`. -->`,
  ]
  return `${parts.join('\n\n')}\n`
}

function stepOf({ text, command, button }: StepText, bullet: string): string {
  const pressed = button ? ` On the page: **${button.text}**.` : ''
  const indent = ' '.repeat(bullet.length)
  const code = command === undefined ? '' : `\n\n\`\`\`sh\n${fill(command)}\n\`\`\``
  return bullet + `${fill(text)}${pressed}${code}`.replaceAll(/\n(?=.)/g, `\n${indent}`)
}

const toHtml = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const START = '<!-- Written by `make lessons`. -->\n'
const END = '      <!-- The end of what `make lessons` writes. -->\n'

/** The page with the lessons for browsers without scripts. */
export function withLessons(html: string, lessons: readonly LessonText[]): string {
  const [before, rest = ''] = html.split(START)
  const [, after] = rest.split(END)
  if (before === undefined || after === undefined) throw new Error('The page has no place for the lessons')
  const shown = lessons.map(({ title, question, choices, expected, steps, why }) => {
    const commands = steps.flatMap(({ command }) => (command === undefined ? [] : [toHtml(fill(command))]))
    const answer = toHtml(`${fill(choices[expected] ?? '')} ${fill(why)}`.replaceAll('`', ''))
    return [
      `      <h3>${toHtml(title)}</h3>`,
      `      <p>${toHtml(fill(question))}</p>`,
      `      <pre><code>${commands.join('\n')}</code></pre>`,
      `      <details><summary>What happens</summary><p>${answer}</p></details>\n`,
    ].join('\n')
  })
  return before + START + shown.join('') + END + after
}

const FOLDER = `${TOP}/docs/lessons`
const PAGE = `${TOP}/app/public/index.html`

/** The files that differ from the lessons, as paths in the project. */
export async function outdatedFiles(): Promise<string[]> {
  const lessons = await readLessons()
  const pages = lessonPages(lessons)
  const present = await readdir(FOLDER).catch(() => [])
  const outdated = present.filter((file) => !pages.has(file))
  for (const [file, text] of pages) {
    if (text !== (await readFile(`${FOLDER}/${file}`, 'utf8').catch(() => undefined))) outdated.push(file)
  }
  const html = await readFile(PAGE, 'utf8')
  const paths = outdated.map((file) => `docs/lessons/${file}`)
  return html === withLessons(html, lessons) ? paths : [...paths, 'app/public/index.html']
}

/** Writes docs/lessons/ and the lessons for browsers without scripts. The folder must exist. */
export async function writeLessons(): Promise<void> {
  const lessons = await readLessons()
  const pages = lessonPages(lessons)
  for (const file of await readdir(FOLDER)) if (!pages.has(file)) await rm(`${FOLDER}/${file}`)
  for (const [file, text] of pages) await writeFile(`${FOLDER}/${file}`, text)
  await writeFile(PAGE, withLessons(await readFile(PAGE, 'utf8'), lessons))
}
