import { createBoundedMap } from '../bounded-map.ts'

export type ReadCache = ReturnType<typeof createReadCache>

/**
 * The values of some keys, as long as Redis has not invalidated them: client-side caching, for one connection that tracks its
 * reads (CLIENT TRACKING). Redis sends the name of a key when it changes, expires, or is no longer tracked.
 * https://redis.io/docs/latest/develop/reference/client-side-caching/
 *
 * It holds `maxEntries` values at most. The value that was requested longest ago is evicted first.
 */
export function createReadCache(maxEntries: number) {
  const values = createBoundedMap<string>(maxEntries)
  /** By key, the latest read that has no reply yet. */
  const underWay = new Map<string, symbol>()

  return {
    recall(key: string): string | undefined {
      const value = values.get(key)
      if (value !== undefined) values.set(key, value)
      return value
    },

    /**
     * Queries Redis, and keeps the reply unless Redis invalidates it before it arrives. A missing value is not kept: a client
     * could request many missing keys, and evict the values.
     */
    async read(key: string, query: (key: string) => Promise<string | null>): Promise<string | null> {
      const reading = Symbol()
      underWay.set(key, reading)
      try {
        const value = await query(key)
        if (value !== null && underWay.get(key) === reading) values.set(key, value)
        return value
      } finally {
        if (underWay.get(key) === reading) underWay.delete(key)
      }
    },

    /** Drops the value of this key, or with null all values. */
    forget(key: string | null): void {
      if (key === null) {
        values.clear()
        underWay.clear()
        return
      }
      values.delete(key)
      underWay.delete(key)
    },
  }
}
