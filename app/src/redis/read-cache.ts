export type ReadCache = ReturnType<typeof createReadCache>

/**
 * What Redis has said of some keys and not taken back: client-side caching, for one connection that has told Redis to track
 * what it reads (CLIENT TRACKING). Redis sends the name of a key when it changes, expires, or is no longer tracked.
 * https://redis.io/docs/latest/develop/reference/client-side-caching/
 *
 * It holds `maxEntries` values at most; the one that was asked for longest ago goes first.
 */
export function createReadCache(maxEntries: number) {
  const values = new Map<string, string>()
  /** The latest read of each key that is under way. */
  const underWay = new Map<string, symbol>()

  function keep(key: string, value: string): void {
    values.delete(key)
    values.set(key, value)
    const oldest = values.keys().next()
    if (values.size > maxEntries && !oldest.done) values.delete(oldest.value)
  }

  return {
    get size() {
      return values.size
    },

    recall(key: string): string | undefined {
      const value = values.get(key)
      if (value !== undefined) keep(key, value)
      return value
    },

    /**
     * Asks Redis by `ask`, and keeps the answer unless it is taken back before it has arrived. That there is nothing is not
     * kept: anybody can ask for what is not there, and would push out what is.
     */
    async read(key: string, ask: () => Promise<string | null>): Promise<string | null> {
      const reading = Symbol()
      underWay.set(key, reading)
      try {
        const value = await ask()
        if (value !== null && underWay.get(key) === reading) keep(key, value)
        return value
      } finally {
        if (underWay.get(key) === reading) underWay.delete(key)
      }
    },

    /** What was known of this key, or of all, is not true any more. */
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
