import { mkdir, writeFile } from 'node:fs/promises'
import { TOP } from './command.ts'

const FOLDER = 'loadtest/report'

/** Writes NAME.json, and NAME.html if there is a page, beside the reports of k6. Returns the path of the page or the JSON. */
export async function writeReport(name: string, report: unknown, page?: string): Promise<string> {
  await mkdir(`${TOP}/${FOLDER}`, { recursive: true })
  await writeFile(`${TOP}/${FOLDER}/${name}.json`, `${JSON.stringify(report, null, 2)}\n`)
  if (page === undefined) return `${FOLDER}/${name}.json`
  await writeFile(`${TOP}/${FOLDER}/${name}.html`, page)
  return `${FOLDER}/${name}.html`
}
