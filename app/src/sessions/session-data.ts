import { setTimeout as sleep } from 'node:timers/promises'
import { RedisUnavailable } from '../redis/errors.ts'
import type { SessionBase } from './session-base.ts'
import type { DataChange, SessionData } from './session-record.ts'
import type { Living, Outcome } from './trail.ts'

/** The data of a session as JSON. Each node keeps 10,000 sessions in memory, and a user may have ten. */
export const MOST_DATA_BYTES = 2_048
/** One node changes a session once at a time, so an attempt only meets those of the other nodes. */
const MOST_ATTEMPTS = 20
/** Changes of one session that wait in one node. */
const MOST_WAITING = 200

/** The changed data would be larger than MOST_DATA_BYTES. Nothing was changed. */
export class DataTooLarge extends Error {
  override readonly name = 'DataTooLarge'
}

/** The session was changed by others during every attempt, or too many changes wait. Nothing was changed. */
export class DataConflict extends Error {
  override readonly name = 'DataConflict'
}

/** Data that belongs to a session, such as a basket. It is in the record of the session, so it is sealed and ends with it. */
export function createSessionData({ values, trail }: SessionBase) {
  const inLine = createLines()

  /** Undefined data: the session has changed since it was read. */
  async function tryOnce(living: Living, change: DataChange): Promise<Outcome<{ data: SessionData | undefined }>> {
    if (living.isReuse) return { result: undefined }
    const { name, json, record } = living
    const data = change(record.data ?? {})
    if (Buffer.byteLength(JSON.stringify(data)) > MOST_DATA_BYTES) throw new DataTooLarge('The data is too large')
    const isStored = await values.update(name, json, { ...record, data })
    return { result: { data: isStored ? data : undefined } }
  }

  return {
    /**
     * Changes the data of a session in one step. Keeps the TTL: the caller has used the session, which renewed it.
     * @returns the changed data. Undefined if there is no such session
     */
    update: (name: string, change: DataChange): Promise<SessionData | undefined> =>
      inLine(name, async () => {
        for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
          const tried = await trail.walk(name, values.readNow, (living) => tryOnce(living, change))
          if (tried === undefined || tried.data !== undefined) return tried?.data
          // By chance, so that two nodes do not meet again.
          await sleep(Math.random() * Math.min(50, 2 * attempt))
        }
        throw new DataConflict('The session was changed during every attempt')
      }),
  }
}

/**
 * Runs the work of one session one after the other. If Redis does not answer one of them, those that wait for it fail at once
 * with the same error: one after the other, they would wait for a deadline each.
 */
function createLines() {
  const lines = new Map<string, { last: Promise<unknown>; size: number }>()

  return async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const line = lines.get(name) ?? { last: Promise.resolve(), size: 0 }
    if (line.size >= MOST_WAITING) throw new DataConflict('Too many changes of this session wait')
    lines.set(name, line)
    line.size++
    const own = line.last.then(work, (error: unknown) => {
      if (error instanceof RedisUnavailable) throw error
      return work()
    })
    line.last = own
    try {
      return await own
    } finally {
      line.size--
      if (line.size === 0) lines.delete(name)
    }
  }
}
