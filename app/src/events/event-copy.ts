import { isAfter, type LoggedEvent } from './event.ts'
import { createEventHistory, type HistoryLimits } from './event-history.ts'
import { MOST_STORED } from './stored-events.ts'

export interface EventListener {
  onEvent(entry: LoggedEvent): void
  /** The node was disconnected for so long that it never received some events. */
  onGap?(): void
}

/**
 * A node's copy of the event log: what it read from the stream, and after that what is published. `onEvicted` receives the
 * ids of the entries that were evicted from the copy.
 */
export function createEventCopy(limits: HistoryLimits | undefined, onEvicted: (ids: readonly string[]) => void) {
  const history = createEventHistory(limits)
  const listeners = new Set<EventListener>()
  /** What is published while the stream is being read. Undefined at other times. */
  let heldBack: LoggedEvent[] | undefined

  function add(entry: LoggedEvent): void {
    if (entry.id !== undefined) onEvicted(history.add(entry))
    for (const { onEvent } of listeners) onEvent(entry)
  }

  return {
    history,
    add,
    /** Returns a function that ends the listening. */
    listen(listener: EventListener): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    /** From now on, published events wait until the stream has been read. */
    holdBack(): void {
      heldBack ??= []
    },
    addPublished(entry: LoggedEvent): void {
      if (!heldBack) add(entry)
      // The read of the stream contains the older ones.
      else if (heldBack.push(entry) > MOST_STORED) heldBack.shift()
    },
    /** Adds what the stream has and the copy has not, and then the events that were held back. */
    addStored(stored: readonly LoggedEvent[]): void {
      const newest = history.entries().at(-1)?.id
      const isUnknown = ({ id }: LoggedEvent) => isAfter(id, newest)
      if (newest !== undefined && !stored.some(({ id }) => id === newest)) {
        history.replace(stored.filter((entry) => !isUnknown(entry)))
        for (const listener of listeners) listener.onGap?.()
      }
      for (const entry of stored.filter(isUnknown)) add(entry)
      const last = history.entries().at(-1)?.id
      const published = heldBack ?? []
      heldBack = undefined
      for (const entry of published) {
        if (entry.id === undefined || isAfter(entry.id, last)) add(entry)
      }
    },
  }
}
