import type { z } from 'zod'

/** Undefined if the text is missing or not what the schema says. Any client of Redis can have written it. */
export function parseJson<Schema extends z.ZodType>(schema: Schema, text: string | null | undefined) {
  try {
    return schema.safeParse(JSON.parse(text ?? '')).data
  } catch {
    return undefined
  }
}
