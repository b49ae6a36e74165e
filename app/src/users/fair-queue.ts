/** The queue is full, or the wait was too long. The caller can try again later. */
export class QueueIsFull extends Error {
  override readonly name = 'QueueIsFull'
}

/** Whose work it is: work of two clients takes turns, and so does work of two accounts of one client. */
export interface Lane {
  client: string
  account: string
}

export interface FairQueueOptions {
  /** How much work runs at the same time. */
  atOnce: number
  /** How much work may wait. */
  places: number
  /** Work that has not begun after this time is refused, in milliseconds. Work without a place is refused then too. */
  longestWaitMs: number
}

export interface FairQueue {
  /**
   * Runs `work` in its turn: clients are served round-robin, and the accounts of a client round-robin within its turns. So
   * another client, however much it sends, delays this one by one piece of work at a time.
   *
   * When all places are taken, the client with the most waiting work loses a place: that of the last work of its account
   * with the most. This may be the new work. So a client that fills the queue takes no place from another one.
   * @throws {QueueIsFull} when `longestWaitMs` is over, or up to a half of it earlier
   */
  run<T>(lane: Lane, work: () => Promise<T>): Promise<T>
}

interface Waiting {
  begin(): void
}

/** By client, and by account. The first entry of each map has the next turn. A lane without work is not in it. */
type Lanes = Map<string, Map<string, Waiting[]>>

/** Fair queueing with a drop from the longest queue: RFC 7806, section 2, and RFC 8290, section 4.1. */
export function createFairQueue({ atOnce, places, longestWaitMs }: FairQueueOptions): FairQueue {
  const lanes: Lanes = new Map()
  let running = 0

  function beginNext(): void {
    if (running >= atOnce) return
    const next = takeNext(lanes)
    if (!next) return
    running++
    next.begin()
  }

  return {
    run<T>(lane: Lane, work: () => Promise<T>): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        const waiting: Waiting = {
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
        // Work that has lost its place is refused no earlier: a client that sends again at once would keep the node busy. The
        // times differ, so that clients refused together do not come back together.
        const timer = setTimeout(
          () => {
            remove(lanes, lane, waiting)
            reject(new QueueIsFull('too much work waits'))
          },
          longestWaitMs * (0.5 + Math.random() / 2),
        )
        add(lanes, lane, waiting)
        beginNext()
        if (sizeOf(lanes) > places) removeLastOfLongest(lanes, lane)
      })
    },
  }
}

function add(lanes: Lanes, { client, account }: Lane, one: Waiting): void {
  const accounts = lanes.get(client) ?? new Map<string, Waiting[]>()
  accounts.set(account, [...(accounts.get(account) ?? []), one])
  lanes.set(client, accounts)
}

/** The next work in turn. Its client and its account go to the end of the round. */
function takeNext(lanes: Lanes): Waiting | undefined {
  const [client, accounts] = lanes.entries().next().value ?? []
  if (client === undefined || !accounts) return undefined
  const [account, waiting] = accounts.entries().next().value ?? []
  if (account === undefined || !waiting) return undefined
  const [next, ...left] = waiting
  accounts.delete(account)
  if (left.length > 0) accounts.set(account, left)
  lanes.delete(client)
  if (accounts.size > 0) lanes.set(client, accounts)
  return next
}

/** Of equally long ones, that of `newest`: who came first keeps the place. */
function removeLastOfLongest(lanes: Lanes, newest: Lane): void {
  const client = longest(
    [...lanes].map(([name, accounts]) => [name, countOf(accounts)]),
    newest.client,
  )
  const accounts = lanes.get(client)
  if (!accounts) return
  const account = longest(
    [...accounts].map(([name, waiting]) => [name, waiting.length]),
    newest.account,
  )
  const last = accounts.get(account)?.at(-1)
  if (last) remove(lanes, { client, account }, last)
}

function remove(lanes: Lanes, { client, account }: Lane, one: Waiting): void {
  const accounts = lanes.get(client)
  const waiting = accounts?.get(account)
  if (!accounts || !waiting) return
  const left = waiting.filter((other) => other !== one)
  if (left.length > 0) accounts.set(account, left)
  else accounts.delete(account)
  if (accounts.size === 0) lanes.delete(client)
}

function longest(lengths: [name: string, length: number][], newest: string): string {
  const most = Math.max(...lengths.map(([, length]) => length))
  const names = lengths.filter(([, length]) => length === most).map(([name]) => name)
  return names.includes(newest) ? newest : (names[0] ?? newest)
}

const countOf = (accounts: Map<string, Waiting[]>) =>
  [...accounts.values()].reduce((total, waiting) => total + waiting.length, 0)

const sizeOf = (lanes: Lanes) => [...lanes.values()].reduce((total, accounts) => total + countOf(accounts), 0)
