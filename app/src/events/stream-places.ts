import { largestGroup } from '../largest-group.ts'

/** The client of a stream. */
interface Applicant {
  /** The user of its session. Undefined: an anonymous stream. */
  username: string | undefined
  /** The network of the client: users/network-of.ts. Undefined where many clients share one address. */
  network: string | undefined
  /** Called when another stream gets this place. */
  onEvicted(): void
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
 *   1,000 streams at about 50 kB, with 64 kB each that the client has not read (event-stream.ts)            114 MB
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
 * evicted. So a client with many streams evicts its own, and a new client gets a place. If only users have places, the
 * user with the most streams loses the oldest one to a user with fewer.
 */
export function createStreamPlaces(given: Partial<StreamLimits> = {}) {
  const limits = { ...LIMITS, ...given }
  /** By network, oldest first. */
  const anonymous = new Set<Place>()
  /** By user, oldest first. */
  const ofUsers = new Set<Place>()

  /** The place that a stream of this group takes: 'free' for one of those left, undefined if there is none. */
  function placeFor(places: Set<Place>, group: string, mostInGroup: number): Place | 'free' | undefined {
    const own = [...places].filter((place) => place.group === group)
    if (own.length >= mostInGroup) return own[0]
    const isFull = anonymous.size + ofUsers.size >= limits.total
    if (places === anonymous) return isFull || anonymous.size >= limits.anonymous ? largest(anonymous)[0] : 'free'
    if (!isFull) return 'free'
    if (anonymous.size > 0) return largest(anonymous)[0]
    // If they differ by one stream, they would only take the place from each other.
    return largest(ofUsers).length > own.length + 1 ? largest(ofUsers)[0] : undefined
  }

  return {
    /**
     * Takes a place for a stream, or evicts another stream to get its place. Returns the function that frees the place, or
     * undefined if the node is full.
     */
    take({ username, network, onEvicted }: Applicant): (() => void) | undefined {
      const [places, group, mostInGroup] =
        username !== undefined
          ? ([ofUsers, username, limits.perUser] as const)
          : ([anonymous, network ?? '', network === undefined ? limits.anonymous : limits.perNetwork] as const)
      const found = placeFor(places, group, mostInGroup)
      if (found === undefined) return undefined
      if (found !== 'free') found.evict()
      const place: Place = {
        group,
        evict() {
          places.delete(place)
          onEvicted()
        },
      }
      places.add(place)
      return () => places.delete(place)
    },
  }
}

const largest = (places: Iterable<Place>) => largestGroup(places, ({ group }) => group)
