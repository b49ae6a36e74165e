import type { PageEvents } from './page-events.ts'

export interface Tally {
  /** The nodes that have honoured the session of this page since a moment, by `performance.now()`. Without it: at any time. */
  honouredBy(since?: number): string[]
  /** The nodes whose last verdict was to reject it. */
  rejectedBy(): string[]
}

/** A cluster whose nodes have new names all the time must not fill the memory. */
const MOST_NODES = 100

/** What each node has said about the session of this page. A new session starts from nothing. */
export function createTally(pageEvents: PageEvents): Tally {
  const verdicts = new Map<string, { isHonoured: boolean; at: number }>()
  let sessionId: string | undefined

  pageEvents.subscribe((seen) => {
    if (seen.kind === 'session' && seen.session?.id !== sessionId) verdicts.clear()
    if (seen.kind === 'session') sessionId = seen.session?.id
    if (seen.kind !== 'verdict') return
    const { node, isHonoured, at } = seen
    verdicts.delete(node)
    verdicts.set(node, { isHonoured, at })
    const [oldest] = verdicts.keys()
    if (verdicts.size > MOST_NODES && oldest !== undefined) verdicts.delete(oldest)
  })

  const nodesWith = (fits: (verdict: { isHonoured: boolean; at: number }) => boolean) =>
    [...verdicts].flatMap(([node, verdict]) => (fits(verdict) ? [node] : [])).sort(byName)
  return {
    honouredBy: (since = 0) => nodesWith(({ isHonoured, at }) => isHonoured && at >= since),
    rejectedBy: () => nodesWith(({ isHonoured }) => !isHonoured),
  }
}

/** app-2 before app-10. */
export const byName = (one: string, other: string) => one.localeCompare(other, 'en', { numeric: true })
