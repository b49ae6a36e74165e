import { z } from 'zod'
import type { DataChange, SessionData } from '../sessions/session-record.ts'
import { Problem } from './problem.ts'

// The changes of the data of a session that a client can ask for.

type Json = z.infer<ReturnType<typeof z.json>>
type JsonObject = Record<string, Json>

/** So deep that no basket reaches it, and no stack either. */
const MOST_DEPTH = 16
const MOST_COUNTERS = 20

const cannot = (detail: string) => new Problem(422, 'This change is not possible', detail)

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A JSON merge patch: members replace those of the same name, and null removes them. RFC 7396. */
export function toMergePatch(patch: unknown): DataChange {
  requireSafe(patch)
  const parsed = z.json().safeParse(patch)
  // Only an object leaves an object: RFC 7396, section 2.
  if (!parsed.success || !isObject(parsed.data))
    throw cannot('The data of a session is an object, so the patch must be one.')
  const checked = parsed.data
  return (data) => merge(data, checked)
}

function merge(target: Json | undefined, patch: JsonObject): JsonObject {
  const merged = new Map(isObject(target) ? Object.entries(target) : [])
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name)
    else merged.set(name, isObject(value) ? merge(merged.get(name), value) : value)
  }
  return Object.fromEntries(merged)
}

/** An object with this member would lose it, or get another prototype, wherever it is copied. */
function requireSafe(value: unknown, depth = 1): void {
  if (typeof value !== 'object' || value === null) return
  if (depth > MOST_DEPTH) throw cannot(`The data may be ${MOST_DEPTH} levels deep.`)
  for (const [name, member] of Object.entries(value)) {
    if (name === '__proto__') throw cannot('No member may be named __proto__.')
    requireSafe(member, depth + 1)
  }
}

const counters = z.strictObject({
  add: z
    .record(z.string().regex(/^(\/[^/]+)+$/, 'must be JSON pointers'), z.int())
    .refine((entries) => Object.keys(entries).length <= MOST_COUNTERS, `at most ${MOST_COUNTERS} counters`),
})

/**
 * Adds to counters: `{"add": {"/basket/tea": 1}}`. The names are JSON pointers (RFC 6901). A counter that is missing starts at 0,
 * and objects on the way to it are created. Unlike a merge patch, it does not depend on the value that the client has seen.
 */
export function toAddition(body: unknown): DataChange {
  const parsed = counters.safeParse(body)
  if (!parsed.success) throw cannot('Send {"add": {"/a/b": 1}}: JSON pointers, and whole numbers to add.')
  const additions = Object.entries(parsed.data.add).map(([pointer, amount]) => ({
    path: pathOf(pointer),
    pointer,
    amount,
  }))
  for (const { path } of additions) {
    if (path.length > MOST_DEPTH) throw cannot(`The data may be ${MOST_DEPTH} levels deep.`)
    if (path.includes('__proto__')) throw cannot('No member may be named __proto__.')
  }
  return (data) =>
    additions.reduce<SessionData>((sum, { path, pointer, amount }) => addAt(sum, path, { pointer, amount }), data)
}

const pathOf = (pointer: string) =>
  pointer
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))

function addAt(target: JsonObject, path: readonly string[], addition: { pointer: string; amount: number }): JsonObject {
  const [name = '', ...rest] = path
  const value = Object.hasOwn(target, name) ? target[name] : undefined
  if (rest.length === 0) return { ...target, [name]: sumOf(value ?? 0, addition) }
  if (value !== undefined && !isObject(value)) throw cannot(`There is no object on the way to ${addition.pointer}.`)
  return { ...target, [name]: addAt(value ?? {}, rest, addition) }
}

function sumOf(value: Json, { pointer, amount }: { pointer: string; amount: number }): number {
  const sum = typeof value === 'number' ? value + amount : Number.NaN
  if (!Number.isSafeInteger(sum)) throw cannot(`The value at ${pointer} is not a whole number, or becomes too large.`)
  return sum
}
