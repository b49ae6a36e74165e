/** What the lanes show of the last minute. It is bounded, however long the page is open and however much happens. */

/** The lane of Redis, and of what concerns all lanes. All other lanes are names of nodes. */
export const REDIS = 'Redis'
export const ALL_LANES = ''

export type MarkKind =
  | 'plain'
  | 'honoured'
  | 'rejected'
  | 'failed'
  | 'read'
  | 'created'
  | 'renewed'
  | 'rotated'
  | 'ended'
  | 'joined'
  | 'draining'
  | 'left'
  | 'died'
  | 'failedOver'

export interface Mark {
  /** By `performance.now()`. */
  at: number
  lane: string
  kind: MarkKind
  /** What happened, for the read-out and the table. */
  text: string
  /** Two marks with the same key are one: after a reconnect the server sends the latest events again. */
  key?: string
}

/** A lane was in this state from then on, until another state began. */
export interface Turn {
  at: number
  lane: string
  state: 'up' | 'suspect' | 'draining' | 'gone' | 'away'
}

export interface Glimpse {
  /** In the order of time. */
  marks: readonly Mark[]
  turns: readonly Turn[]
}

export interface LaneRecord extends Glimpse {
  add(mark: Mark): void
  turn(turn: Turn): void
  /** Removes what is older than a minute. */
  prune(now: number): void
  clear(): void
  /** The state of a lane now. */
  stateOf(lane: string): Turn['state'] | undefined
  /** A copy that does not change. */
  copy(): Glimpse
}

export const SHOWN_MS = 60_000
/** Of one minute with 20 requests a second: each has a mark on the lane of its node and one on that of Redis. */
const MOST_MARKS = 3_000
const MOST_TURNS = 300

export function createLaneRecord(): LaneRecord {
  const marks: Mark[] = []
  const turns: Turn[] = []

  return {
    marks,
    turns,
    add(mark) {
      if (mark.key !== undefined && marks.some(({ key }) => key === mark.key)) return
      insert(marks, mark)
      if (marks.length > MOST_MARKS) marks.shift()
    },
    turn(turn) {
      insert(turns, turn)
      if (turns.length > MOST_TURNS) turns.shift()
    },
    prune(now) {
      const start = now - SHOWN_MS
      const young = marks.findIndex(({ at }) => at >= start)
      if (young !== 0) marks.splice(0, young === -1 ? marks.length : young)
      // The last turn before the minute began tells how the lane looks at its start.
      const isNeeded = ({ at, lane }: Turn, place: number) =>
        at >= start || !turns.slice(place + 1).some((later) => later.lane === lane && later.at < start)
      const needed = turns.filter(isNeeded)
      if (needed.length < turns.length) turns.splice(0, turns.length, ...needed)
    },
    clear() {
      marks.length = 0
      turns.length = 0
    },
    stateOf: (lane) => turns.findLast((turn) => turn.lane === lane)?.state,
    copy: () => ({ marks: [...marks], turns: [...turns] }),
  }
}

/** Nearly all arrive in the order of time. */
function insert<T extends { at: number }>(list: T[], item: T): void {
  let place = list.length
  while (place > 0 && (list[place - 1]?.at ?? 0) > item.at) place--
  list.splice(place, 0, item)
}
