import { setTimeout as sleep } from 'node:timers/promises'

const patience = new WeakMap<Error, number>()
/** How long `until` has waited before it threw this error; undefined for any other error. */
export const patienceMsOf = (error: unknown): number | undefined =>
  error instanceof Error ? patience.get(error) : undefined

/** Waits until `isSo` gives something true, and gives it back. Fails after `patienceMs`, saying what was waited for. */
export async function until<T>(what: string, isSo: () => Promise<T> | T, patienceMs = 10_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const found = await isSo()
    if (found) return found as NonNullable<T>
    if (performance.now() > deadline) {
      const error = new Error(`Not so within ${patienceMs} ms: ${what}`)
      patience.set(error, patienceMs)
      throw error
    }
    await sleep(25)
  }
}
