/** Loads once at a time. Calls during a load cause one more load after it. */
export function createReload(load: () => Promise<void>): { run(): Promise<void>; cancel(): void } {
  let isLoading = false
  let isStale = false

  return {
    async run() {
      isStale = true
      if (isLoading) return
      isLoading = true
      while (isStale) {
        isStale = false
        await load()
      }
      isLoading = false
    },
    /** After the load under way there is no other one. */
    cancel() {
      isStale = false
    },
  }
}
