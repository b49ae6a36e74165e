import { setTimeout as sleep } from 'node:timers/promises'

const patience = new WeakMap<Error, number>()
/** How long `until` waited before it threw this error. Undefined for any other error. */
export const patienceMsOf = (error: unknown): number | undefined =>
  error instanceof Error ? patience.get(error) : undefined

/**
 * Waits until `isSo` returns a truthy value, and returns it. Fails after `patienceMs` with a message that names the expected
 * state. The default is no limit for the product. It only ends a test that would hang, also on the slowest machine.
 */
export async function until<T>(what: string, isSo: () => Promise<T> | T, patienceMs = 30_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const found = await isSo()
    if (found) return found as NonNullable<T>
    if (performance.now() > deadline) {
      const error = new Error(`Not true within ${patienceMs} ms: ${what}`)
      patience.set(error, patienceMs)
      throw error
    }
    await sleep(25)
  }
}
