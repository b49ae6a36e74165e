import { isReplaced, type ReplacedToken, type SessionRecord } from './session-record.ts'
import type { Found } from './session-values.ts'

/** How many tokens of one session are remembered after they were replaced. */
export const MOST_REPLACED = 60
/** All of them, and some that are replaced while the trail is followed. */
const LONGEST_TRAIL = MOST_REPLACED + 4

export interface Passed {
  name: string
  json: string
  pointer: ReplacedToken
}

/** Where a session lives, and the pointers that lead there: none for its newest token. */
export interface Living<T extends Found = Found> {
  name: string
  found: T
  record: SessionRecord
  passed: Passed[]
}

/** Follows replaced tokens from this name to the session. Undefined if the trail leads to nothing. */
export async function follow<T extends Found>(
  name: string,
  read: (name: string) => Promise<T | undefined>,
): Promise<Living<T> | undefined> {
  const passed: Passed[] = []
  let at = name
  for (let step = 0; step < LONGEST_TRAIL; step++) {
    const found = await read(at)
    if (!found) return undefined
    const { json, value } = found
    if (!isReplaced(value)) return { name: at, found, record: value, passed }
    passed.push({ name: at, json, pointer: value })
    at = value.replacedBy
  }
  return undefined
}
