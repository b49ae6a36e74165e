import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Logger } from '../logger.ts'

/** The id of the key, and the HMAC in base64url. */
const SEAL = /,"seal":"([A-Za-z0-9_-]{8})\.([A-Za-z0-9_-]{43})"\}$/

/** A client of Redis can write any number of wrong records. */
const LOG_PAUSE_MS = 10_000

export type RecordSeal = ReturnType<typeof createRecordSeal>

/**
 * Seals the value of a session's key. The key of the seal is not in Redis, so a client that can write to Redis still cannot
 * create a session. The seal is the last member of the JSON: an HMAC-SHA-256 over the name of the key and the rest of the JSON
 * as written. A record that was changed, or copied to another key, is ignored.
 *
 * It does not show that a record is the latest: the same record under the same name can be written again after a logout. See
 * docs/security.md.
 *
 * The first key seals, and all of them open. So a key can be replaced, and the sessions that it sealed continue. Without a key
 * nothing is sealed or checked.
 */
export function createRecordSeal({ keys }: { keys: readonly string[] }, log: Pick<Logger, 'warn'>) {
  const known = new Map(keys.map((text) => [idOf(text), createSecretKey(Buffer.from(text))]))
  const [first] = known
  if (!first) return { close: keepJson, open: keepJson }
  const [firstId, firstKey] = first
  const note = createInvalidLog(log)

  return {
    /** Adds the seal to the JSON of an object with at least one member. */
    close(name: string, json: string): string {
      const hmac = hmacOf(firstKey, name, json).toString('base64url')
      return `${json.slice(0, -1)},"seal":"${firstId}.${hmac}"}`
    },
    /** The JSON without its seal. Undefined, and logged, if the seal is missing or wrong. */
    open(name: string, json: string): string | undefined {
      const found = SEAL.exec(json)
      if (!found) return note('there is no seal')
      const [, id = '', hmac = ''] = found
      const key = known.get(id)
      if (!key) return note(`there is no key ${id}`)
      const content = `${json.slice(0, found.index)}}`
      if (!timingSafeEqual(Buffer.from(hmac, 'base64url'), hmacOf(key, name, content)))
        return note('the seal is of another record')
      return content
    },
  }
}

const keepJson = (_name: string, json: string) => json

/** A name has no line feed, so no other name and content have the same bytes. */
const hmacOf = (key: KeyObject, name: string, json: string) =>
  createHmac('sha256', key).update(`session record\n${name}\n${json}`).digest()

/** Identifies the key without revealing it. */
const idOf = (text: string) => createHmac('sha256', text).update('id of the seal key').digest('base64url').slice(0, 8)

function createInvalidLog(log: Pick<Logger, 'warn'>) {
  let nextAt = Number.NEGATIVE_INFINITY
  let unlogged = 0
  return (reason: string): undefined => {
    unlogged++
    if (performance.now() < nextAt) return
    log.warn({ event: 'seal_invalid', reason, count: unlogged }, 'Ignored session records without a valid seal')
    nextAt = performance.now() + LOG_PAUSE_MS
    unlogged = 0
  }
}
