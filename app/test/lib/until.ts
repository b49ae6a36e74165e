import { setTimeout as sleep } from 'node:timers/promises'

/** Waits until `isSo` gives something true, and gives it back. Fails after `patienceMs`, saying what was waited for. */
export async function until<T>(what: string, isSo: () => Promise<T> | T, patienceMs = 10_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const found = await isSo()
    if (found) return found as NonNullable<T>
    if (performance.now() > deadline) throw new Error(`Not so within ${patienceMs} ms: ${what}`)
    await sleep(25)
  }
}
