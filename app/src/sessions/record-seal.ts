import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Logger } from '../logger.ts'

/**
 * Seals what is written under the key of a session, so that a client that can write to Redis still cannot create a session: the key of
 * the seal is not in Redis. The seal is the last member of the JSON, an HMAC-SHA-256 over the name of the key and the rest of
 * the JSON, as it was written. So a record that was changed, or copied to another key, is none.
 *
 * It does not show that a record is the latest: the same record under the same name can be written again after a logout. See
 * docs/security.md.
 */
export interface RecordSeal {
  /** Adds the seal to the JSON of an object with at least one member. Without a key it stays as it is. */
  close(name: string, json: string): string
  /** The JSON without its seal. Undefined if the seal is missing or wrong; that is logged. Without a key nothing is checked. */
  open(name: string, json: string): string | undefined
}

/** The id of the key, and the HMAC in base64url. */
const SEAL = /,"seal":"([A-Za-z0-9_-]{8})\.([A-Za-z0-9_-]{43})"\}$/

/** A client of Redis can write any number of wrong records. */
const LOG_PAUSE_MS = 10_000

/** The first key seals, all of them open: so a key can be replaced while sessions that it has sealed go on. */
export function createRecordSeal({ keys }: { keys: readonly string[] }, log: Pick<Logger, 'warn'>): RecordSeal {
  const known = new Map(keys.map((text) => [idOf(text), createSecretKey(Buffer.from(text))]))
  const [first] = known
  if (!first) return { close: (_name, json) => json, open: (_name, json) => json }
  const [firstId, firstKey] = first
  const note = createInvalidLog(log)

  return {
    close(name, json) {
      const hmac = hmacOf(firstKey, name, json).toString('base64url')
      return `${json.slice(0, -1)},"seal":"${firstId}.${hmac}"}`
    },
    open(name, json) {
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

/** A name has no line feed, so no other name and content have the same bytes. */
const hmacOf = (key: KeyObject, name: string, json: string) =>
  createHmac('sha256', key).update(`session record\n${name}\n${json}`).digest()

/** Says nothing about the key but which it is. */
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
