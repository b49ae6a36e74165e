import type { Answer, FeedEvent, Session } from './answers.ts'

/** What this page sees. Each part of the page that shows some of it subscribes: lanes, news, and what comes later. */
export type PageEvent =
  /** A request of this page was answered, or failed (status 0). `hasSession`: the request is one that reads the session. */
  | { kind: 'answer'; method: string; path: string; ms: number; answer: Answer; hasSession: boolean }
  /** A node published an event. `at` is when that happened, also for an event from before this page connected. */
  | { kind: 'server'; event: FeedEvent }
  /** The event stream is connected to this node. `previous`: it was connected to another node before. */
  | { kind: 'connected'; node: string; previous: string | undefined; isIncomplete: boolean }
  /** Redis does not respond, or responds again. */
  | { kind: 'redis'; isAway: boolean }
  /** A node honoured or rejected the session of this page. */
  | { kind: 'verdict'; node: string; session: Session; isHonoured: boolean }
  /** A node has extended the session in Redis. */
  | { kind: 'renewed'; node: string; session: Session }
  /** The page now has another session, or none. */
  | { kind: 'session'; session: Session | undefined }
  /** The user flipped the switch of the experiment, so the page shows other nodes. */
  | { kind: 'switched' }

/** `at`: by `performance.now()`, so a change of the clock does not move it. */
export type Seen = PageEvent & { at: number }

export interface PageEvents {
  /** @param at when it happened. Without it: now. */
  publish(event: PageEvent, at?: number): void
  subscribe(listener: (seen: Seen) => void): void
}

export function createPageEvents(): PageEvents {
  const listeners: ((seen: Seen) => void)[] = []
  return {
    publish(event, at = performance.now()) {
      for (const listener of listeners) listener({ ...event, at })
    },
    subscribe(listener) {
      listeners.push(listener)
    },
  }
}
