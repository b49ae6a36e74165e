import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { type App, descriptionSchema } from './description.ts'

/** What is wrong with a description, in lines for its author. */
export class InvalidDescription extends Error {}

/** Reads a YAML or JSON file. Passwords with `env` come from the environment. Never repeats a value of the file. */
export async function readDescription(file: string, env: Record<string, string | undefined>): Promise<App> {
  const written = parseFile(file, await readText(file))
  const found = descriptionSchema.safeParse(written)
  if (!found.success)
    throw invalid(
      file,
      found.error.issues.flatMap((issue) => explain(issue)),
    )
  const { accounts, ...rest } = found.data
  const missing = accounts.flatMap(({ password }, place) =>
    typeof password === 'object' && !env[password.env]
      ? [`accounts.${place}.password: the environment variable ${password.env} is not set`]
      : [],
  )
  if (missing.length > 0) throw invalid(file, missing)
  const [first, ...others] = accounts.map(({ password, ...account }) => ({
    ...account,
    password: typeof password === 'object' ? (env[password.env] ?? '') : password,
  }))
  if (first === undefined) throw invalid(file, ['accounts: at least one is needed'])
  return { ...rest, name: rest.name ?? basename(file).replace(/\.\w+$/, ''), accounts: [first, ...others] }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw invalid(file, [
      error instanceof Error && 'code' in error ? `cannot be read (${error.code})` : 'cannot be read',
    ])
  }
}

function parseFile(file: string, text: string): unknown {
  try {
    // JSON is YAML too.
    return parse(text, { prettyErrors: true })
  } catch (error) {
    // The message of the parser quotes the line, which may contain a password.
    const [first = ''] = String(error instanceof Error ? error.message : error).split('\n')
    throw invalid(file, [`is neither YAML nor JSON: ${first.replace(/:$/, '')}`])
  }
}

const invalid = (file: string, lines: readonly string[]) =>
  new InvalidDescription(`${file} is not a valid description:\n${lines.map((line) => `  ${line}`).join('\n')}`)

/** One line for each field: where it is, and what it must be. */
function explain(issue: z.core.$ZodIssue): string[] {
  const place = issue.path.map(String).join('.')
  const at = (name: string) => (place === '' ? name : `${place}.${name}`)
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => `${at(key)}: is unknown`)
  if (issue.code === 'invalid_type' && issue.input === undefined) return [`${place || 'the file'}: is missing`]
  return [`${place || 'the file'}: ${lowerFirst(issue.message)}`]
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1)

/** The same rules for editors. */
export const jsonSchema = () => z.toJSONSchema(descriptionSchema, { io: 'input' })
