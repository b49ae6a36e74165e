import { setTimeout as sleep } from 'node:timers/promises'

const patience = new WeakMap<Error, number>()
/** How long `until` has waited before it threw this error; undefined for any other error. */
export const patienceMsOf = (error: unknown): number | undefined =>
  error instanceof Error ? patience.get(error) : undefined

/**
 * Waits until `isSo` returns something true, and returns that. Fails after `patienceMs`, with a message that says what it waited
 * for. The default is no bound on the product: it only ends a test that would hang, on the slowest machine too.
 */
export async function until<T>(what: string, isSo: () => Promise<T> | T, patienceMs = 30_000): Promise<NonNullable<T>> {
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
