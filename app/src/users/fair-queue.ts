import { largestGroup } from '../largest-group.ts'

/** The queue is full, or the wait was too long. The caller can try again later. */
export class QueueIsFull extends Error {
  override readonly name = 'QueueIsFull'
}

/** The client and the account that a piece of work is for. */
export interface Lane {
  client: string
  account: string
}

export interface FairQueueOptions {
  /** How much work runs at the same time. */
  atOnce: number
  /** How much work may wait. */
  places: number
  /** Work that has not begun after this time is rejected, in milliseconds. So is work without a place. */
  longestWaitMs: number
}

/** Work that has not begun. */
interface Waiting extends Lane {
  begin(): void
}

/** Fair queueing with a drop from the longest queue: RFC 7806, section 2, and RFC 8290, section 4.1. */
export function createFairQueue({ atOnce, places, longestWaitMs }: FairQueueOptions) {
  const { add, remove, takeNext, keepTo } = createLine()
  let running = 0

  function beginNext(): void {
    if (running >= atOnce) return
    const next = takeNext()
    if (!next) return
    running++
    next.begin()
  }

  return {
    /** Whether new work has to wait. */
    isBusy: () => running >= atOnce,

    /**
     * Runs `work` in its turn: clients are served round-robin, and the accounts of a client round-robin within its turns. So
     * another client, however much it sends, delays this one by one piece of work at a time.
     *
     * When all places are taken, the client with the most waiting work loses a place: that of the last work of its account
     * with the most. This may be the new work. So a client that fills the queue takes no place from another one.
     * @throws {QueueIsFull} when `longestWaitMs` is over, or up to a half of it earlier
     */
    run<T>(lane: Lane, work: () => Promise<T>): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        const newest: Waiting = {
          ...lane,
          begin() {
            clearTimeout(timer)
            work()
              .then(resolve, reject)
              .finally(() => {
                running--
                beginNext()
              })
          },
        }
        // Work that has lost its place is rejected no earlier: a client that retries at once would keep the node busy. The
        // times differ, so clients that were rejected together do not retry together.
        const timer = setTimeout(
          () => {
            remove(newest)
            reject(new QueueIsFull('too much work waits'))
          },
          longestWaitMs * (0.5 + Math.random() / 2),
        )
        add(newest)
        beginNext()
        keepTo(places, newest)
      })
    },
  }
}

/** The work that waits, in the order of its turns. */
function createLine() {
  /** The first one has the next turn. */
  let waiting: Waiting[] = []

  function remove(one: Waiting): void {
    waiting = waiting.filter((other) => other !== one)
  }

  function takeNext(): Waiting | undefined {
    const next = waiting.shift()
    if (!next) return undefined
    // Its client goes to the end of the round, and its account to the end of the client's.
    const placeOf = ({ client, account }: Lane) => (client !== next.client ? 0 : account !== next.account ? 1 : 2)
    waiting.sort((a, b) => placeOf(a) - placeOf(b))
    return next
  }

  /** When more work waits, one loses its place: see `run`. */
  function keepTo(places: number, newest: Waiting): void {
    if (waiting.length > places) remove(lastOfLongest(waiting, newest))
  }

  return { add: (one: Waiting) => waiting.push(one), remove, takeNext, keepTo }
}

function lastOfLongest(waiting: readonly Waiting[], newest: Waiting): Waiting {
  const ofClient = longest(waiting, newest, ({ client }) => client)
  return longest(ofClient, newest, ({ account }) => account).at(-1) ?? newest
}

/** The largest group. Of equally large ones, that of `newest`: earlier work keeps its place. */
function longest(waiting: readonly Waiting[], newest: Waiting, groupOf: (lane: Lane) => string): Waiting[] {
  const own = waiting.filter((one) => groupOf(one) === groupOf(newest))
  const largest = largestGroup(waiting, groupOf)
  return largest.length > own.length ? largest : own
}
