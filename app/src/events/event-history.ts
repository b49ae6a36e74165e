import { isSessionEvent, type LoggedEvent } from './event.ts'
import { isAfter } from './event-id.ts'

export interface EventHistory {
  /** All that is kept, in the order of the log. */
  entries(): readonly LoggedEvent[]
  /** Adds an entry with an id after all others. Returns the ids of those that were evicted for it. */
  add(entry: LoggedEvent): string[]
  /** Begins again with these entries, which are in the order of the log. */
  replace(entries: readonly LoggedEvent[]): void
  /**
   * Whether everything after this id is kept that the user may see. Without a user: the events of nodes. False also where it
   * cannot be told.
   */
  isComplete(username: string | undefined, afterId: string): boolean
}

/** How many events are kept. */
export interface HistoryLimits {
  /** Of all users together. */
  ofUsers: number
  /** Of nodes. Users cannot push these out. */
  ofNodes: number
  /** Of one user, even if others have more: as many as a page shows (HISTORY in event-streams.ts). */
  perUser: number
}

export const HISTORY_LIMITS: HistoryLimits = { ofUsers: 2_000, ofNodes: 200, perUser: 20 }

/** Nodes can disagree about some of the oldest events (event-log.ts), so a history may be full a few events earlier. */
const NEARLY_FULL = 0.9

/**
 * The latest events, with a fair share for each user. When it is full, the user with the most events loses the oldest one,
 * however old those of others are. Only if no user has more than `perUser`, the oldest event of all goes.
 */
export function createEventHistory(limits: HistoryLimits = HISTORY_LIMITS): EventHistory {
  let entries: LoggedEvent[] = []
  /** By user, oldest first. */
  const ofUsers = new Map<string, LoggedEvent[]>()
  let countOfUsers = 0
  let ofNodes: LoggedEvent[] = []

  function add(entry: LoggedEvent): string[] {
    entries.push(entry)
    if (!isSessionEvent(entry.event)) {
      ofNodes.push(entry)
      return ofNodes.length > limits.ofNodes ? drop(ofNodes.shift()) : []
    }
    const { user } = entry.event
    const own = ofUsers.get(user)
    if (own) own.push(entry)
    else ofUsers.set(user, [entry])
    countOfUsers++
    return countOfUsers > limits.ofUsers ? dropOfUser(userThatGives()) : []
  }

  /** The user with the most events, if that is more than the share of each, or else the one with the oldest event. */
  function userThatGives(): string | undefined {
    let largest: string | undefined
    let most = limits.perUser
    for (const [user, own] of ofUsers) {
      if (own.length > most) [largest, most] = [user, own.length]
    }
    return largest ?? userOf(entries.find(({ event }) => isSessionEvent(event)))
  }

  function dropOfUser(user: string | undefined): string[] {
    const own = ofUsers.get(user ?? '')
    const oldest = own?.shift()
    if (user === undefined || !own || !oldest) return []
    countOfUsers--
    if (own.length === 0) ofUsers.delete(user)
    return drop(oldest)
  }

  function drop(entry: LoggedEvent | undefined): string[] {
    entries = entries.filter((kept) => kept !== entry)
    return entry?.id === undefined ? [] : [entry.id]
  }

  return {
    entries: () => entries,
    add,
    replace(others) {
      entries = []
      ofUsers.clear()
      countOfUsers = 0
      ofNodes = []
      for (const entry of others) add(entry)
    },
    isComplete(username, afterId) {
      // What was lost is older than one of these, as far as any of it could be of interest.
      const lostBefore = [entries[0]?.id]
      if (ofNodes.length >= limits.ofNodes * NEARLY_FULL) lostBefore.push(ofNodes[0]?.id)
      if (username !== undefined && countOfUsers >= limits.ofUsers * NEARLY_FULL) {
        const own = ofUsers.get(username) ?? []
        // A user with fewer has lost none to fairness, only those that were the oldest of all.
        const oldest = own.length >= limits.perUser ? own[0] : entries.find(({ event }) => isSessionEvent(event))
        lostBefore.push(oldest?.id)
      }
      return !lostBefore.some((id) => isAfter(id, afterId))
    },
  }
}

const userOf = (entry: LoggedEvent | undefined) => (entry && isSessionEvent(entry.event) ? entry.event.user : undefined)
