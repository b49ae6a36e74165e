/** A map with `most` entries at most. A new entry evicts the one that was set longest ago. */
export function createBoundedMap<Value>(most: number) {
  const entries = new Map<string, Value>()
  return {
    get: (key: string) => entries.get(key),
    set(key: string, value: Value): void {
      entries.delete(key)
      entries.set(key, value)
      const oldest = entries.keys().next()
      if (entries.size > most && !oldest.done) entries.delete(oldest.value)
    },
    delete: (key: string) => entries.delete(key),
    clear: () => entries.clear(),
  }
}
