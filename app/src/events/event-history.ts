import { largestGroup } from '../largest-group.ts'
import { isAfter, isSessionEvent, type LoggedEvent, type SessionEvent } from './event.ts'

/** How many events are kept. */
export interface HistoryLimits {
  /** Of all users together. */
  ofUsers: number
  /** Of nodes. Events of users do not evict them. */
  ofNodes: number
  /** Of one user, even if others have more: as many as a page shows (HISTORY in event-stream.ts). */
  perUser: number
}

export const HISTORY_LIMITS: HistoryLimits = { ofUsers: 2_000, ofNodes: 200, perUser: 20 }

/** Nodes can disagree about some of the oldest events (event-log.ts), so a history may be full a few events earlier. */
const NEARLY_FULL = 0.9

/**
 * The latest events, with a fair share for each user. When it is full, the user with the most events loses the oldest one,
 * however old those of others are. Only if no user has more than `perUser`, the oldest event of all is evicted.
 */
export function createEventHistory(limits: HistoryLimits = HISTORY_LIMITS) {
  // Each in the order of the log.
  let entries: LoggedEvent[] = []
  let ofUsers: EntryOfUser[] = []
  let ofNodes: LoggedEvent[] = []

  /** Adds an entry with an id after all others. Returns the ids of those that were evicted for it. */
  function add(entry: LoggedEvent): string[] {
    entries.push(entry)
    if (!isOfUser(entry)) {
      ofNodes.push(entry)
      return ofNodes.length > limits.ofNodes ? drop(ofNodes[0]) : []
    }
    ofUsers.push(entry)
    if (ofUsers.length <= limits.ofUsers) return []
    const largest = largestGroup(ofUsers, ({ event }) => event.user)
    return drop(largest.length > limits.perUser ? largest[0] : ofUsers[0])
  }

  function drop(entry: LoggedEvent | undefined): string[] {
    const isKept = (other: LoggedEvent) => other !== entry
    entries = entries.filter(isKept)
    ofUsers = ofUsers.filter(isKept)
    ofNodes = ofNodes.filter(isKept)
    return entry?.id === undefined ? [] : [entry.id]
  }

  return {
    /** All that is kept, in the order of the log. */
    entries: (): readonly LoggedEvent[] => entries,
    add,
    /** Replaces all entries by these, which are in the order of the log. */
    replace(others: readonly LoggedEvent[]): void {
      entries = []
      ofUsers = []
      ofNodes = []
      for (const entry of others) add(entry)
    },
    /**
     * Whether all events after this id are kept that the user may see. Without a user: the events of nodes. False also if that
     * is unknown.
     */
    isComplete(username: string | undefined, afterId: string): boolean {
      // Lost events that this user could see are older than one of these.
      const lostBefore = [entries[0]?.id]
      if (ofNodes.length >= limits.ofNodes * NEARLY_FULL) lostBefore.push(ofNodes[0]?.id)
      if (username !== undefined && ofUsers.length >= limits.ofUsers * NEARLY_FULL) {
        const own = ofUsers.filter(({ event }) => event.user === username)
        // A user with fewer events has lost none to other users, only those that were the oldest of all.
        const oldest = own.length >= limits.perUser ? own[0] : ofUsers[0]
        lostBefore.push(oldest?.id)
      }
      return !lostBefore.some((id) => isAfter(id, afterId))
    },
  }
}

type EntryOfUser = LoggedEvent & { event: SessionEvent }

const isOfUser = (entry: LoggedEvent): entry is EntryOfUser => isSessionEvent(entry.event)
