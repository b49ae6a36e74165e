/** Whose stream it is, and how it is told to end. */
export interface Applicant {
  /** The user of its session. Undefined: an anonymous stream. */
  username: string | undefined
  /** The network of the client: users/network-of.ts. Undefined where many clients share one address. */
  network: string | undefined
  /** Called when another stream gets this place. */
  onEvicted(): void
}

export interface StreamPlaces {
  /**
   * Takes a place for a stream, if need be that of another one, which is evicted then. Returns the function that gives the
   * place back, or undefined if the node is full.
   */
  take(applicant: Applicant): (() => void) | undefined
}

/** How many streams a node has at once. */
export interface StreamLimits {
  total: number
  /** Of all. The rest is reserved for streams with a session. */
  anonymous: number
  /** Anonymous streams of one network. */
  perNetwork: number
  perUser: number
}

/**
 * The memory of a node (mem_limit, 384 MB) has to hold all of this at once:
 *   1,000 streams at about 50 kB, with 64 kB each that the client has not read (server-sent-events.ts)      114 MB
 *   the missed events of all of them, which are written in one piece: a user has 20 streams at most, and
 *     the log has 2,000 events of all users together (event-history.ts), at about 250 bytes: 10 MB. Besides,
 *     each gets up to 200 events of nodes, at about 150 bytes                                               40 MB
 *   one password hash at a time, unless LOGIN_HASHES says otherwise                                         20 MB
 *   Node.js with the application                                                                            90 MB
 */
const LIMITS: StreamLimits = { total: 1_000, anonymous: 600, perNetwork: 50, perUser: 20 }

interface Place {
  group: string
  evict(): void
}

/**
 * Decides which streams a node keeps. A stream over the limit of its user or network takes the place of the oldest one of
 * the same user or network. If the places are full, the oldest anonymous stream of the network with the most streams is
 * evicted. So a client with many streams displaces its own, and a newcomer gets a place. If only users have places, the
 * user with the most streams loses the oldest one to a user with fewer.
 */
export function createStreamPlaces(given: Partial<StreamLimits> = {}): StreamPlaces {
  const limits = { ...LIMITS, ...given }
  const anonymous = createGroups()
  const ofUsers = createGroups()

  /** The place that a stream of this group takes: 'free' for one of those left, undefined if there is none. */
  function placeFor(groups: Groups, group: string, mostInGroup: number): Place | 'free' | undefined {
    if (groups.sizeOf(group) >= mostInGroup) return groups.oldestOf(group)
    const isFull = anonymous.size() + ofUsers.size() >= limits.total
    if (groups === anonymous) {
      return isFull || anonymous.size() >= limits.anonymous ? anonymous.oldestOf(anonymous.largest()) : 'free'
    }
    if (!isFull) return 'free'
    if (anonymous.size() > 0) return anonymous.oldestOf(anonymous.largest())
    const largest = ofUsers.largest()
    // With one stream more or less they would only take the place from each other.
    return ofUsers.sizeOf(largest) > ofUsers.sizeOf(group) + 1 ? ofUsers.oldestOf(largest) : undefined
  }

  return {
    take({ username, network, onEvicted }) {
      const [groups, group, mostInGroup] =
        username !== undefined
          ? ([ofUsers, username, limits.perUser] as const)
          : ([anonymous, network ?? '', network === undefined ? limits.anonymous : limits.perNetwork] as const)
      const found = placeFor(groups, group, mostInGroup)
      if (found === undefined) return undefined
      if (found !== 'free') found.evict()
      const place: Place = {
        group,
        evict() {
          groups.remove(place)
          onEvicted()
        },
      }
      groups.add(place)
      return () => groups.remove(place)
    },
  }
}

type Groups = ReturnType<typeof createGroups>

/** Places by user or by network, oldest first. */
function createGroups() {
  const groups = new Map<string, Set<Place>>()
  let size = 0
  return {
    size: () => size,
    sizeOf: (group: string) => groups.get(group)?.size ?? 0,
    oldestOf: (group: string): Place | undefined => groups.get(group)?.values().next().value,

    /** The group with the most places: of several, the one that has been there for longest. */
    largest(): string {
      let largest = ''
      let most = 0
      for (const [group, places] of groups) {
        if (places.size > most) [largest, most] = [group, places.size]
      }
      return largest
    },

    add(place: Place): void {
      const places = groups.get(place.group) ?? new Set()
      groups.set(place.group, places.add(place))
      size++
    },

    /** Does nothing for a place that has been given back already. */
    remove(place: Place): void {
      const places = groups.get(place.group)
      if (!places?.delete(place)) return
      size--
      if (places.size === 0) groups.delete(place.group)
    },
  }
}
