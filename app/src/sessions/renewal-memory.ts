const RENEWALS_REMEMBERED = 50_000

/**
 * Remembers when this node last renewed which session, so that a renewal (a write, and a line in the append-only file)
 * is not made on every read. Time is measured by the monotonic clock: setting the node's clock changes nothing.
 */
export function createRenewalMemory(renewMs: number) {
  const renewals = new Map<string, { at: number; expiresAt: number }>()
  return {
    /** The end of the session as last renewed, or undefined if that was too long ago. */
    recent(name: string): number | undefined {
      const renewal = renewals.get(name)
      return renewal && performance.now() - renewal.at < renewMs ? renewal.expiresAt : undefined
    },
    remember(name: string, expiresAt: number): void {
      renewals.delete(name)
      renewals.set(name, { at: performance.now(), expiresAt })
      const oldest = renewals.keys().next()
      if (renewals.size > RENEWALS_REMEMBERED && !oldest.done) renewals.delete(oldest.value)
    },
    forget(name: string): void {
      renewals.delete(name)
    },
  }
}
