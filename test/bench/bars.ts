import type { Summary } from './found.ts'

/** A threshold, and what was measured. */
export interface Bar {
  what: string
  found: number
  limit: 'at most' | 'at least'
  bound: number
  unit: string
  isKept: boolean
}

const atMost = (what: string, found: number, bound: number, unit = ''): Bar => ({
  ...{ what, found, limit: 'at most', bound, unit },
  // A figure that could not be measured passes nothing.
  isKept: found <= bound,
})

const atLeast = (what: string, found: number, bound: number, unit = ''): Bar => ({
  ...{ what, found, limit: 'at least', bound, unit },
  isKept: found >= bound,
})

/** Compares a run with all thresholds. */
export const barsOf = (summary: Summary): Bar[] => [
  ...wholeRequestBars(summary),
  ...sessionBars(summary),
  ...sizeBars(summary),
]

/** What people compare: this project as `make up` starts it, and a bare express-session app. */
function wholeRequestBars({ ofBare, restPercent, loginMs }: Summary): Bar[] {
  return [
    atMost('A request, everything on: processor time, of the bare rival’s', 100 * ofBare.ours.cpu.median, 85, '%'),
    atMost(
      'A request with SESSION_CACHE=on: processor time, of the bare rival’s',
      100 * ofBare.cached.cpu.median,
      70,
      '%',
    ),
    atLeast('Requests a second, everything on, of the bare rival’s', 100 * ofBare.ours.throughput.median, 110, '%'),
    atMost(
      'Response time when saturated, p99, everything on, of the bare rival’s',
      100 * ofBare.ours.p99.median,
      100,
      '%',
    ),
    atMost('Processor time at rest, the whole stack, of one core', restPercent, 1.5, '%'),
    atMost('Login: processor time beside the password hash', loginMs.beside.median, 1.5, 'ms'),
  ]
}

/** What the session alone costs, with the same logs and headers on both sides. */
function sessionBars({ costOfRivals, roundTrips, appendedBytes, throughput, revocation }: Summary): Bar[] {
  const ofFloor = throughput.ours.median / throughput.floor.median
  return [
    atMost('Session cost, of the rival’s', 100 * costOfRivals.ours.median, 20, '%'),
    atMost('Session cost with SESSION_CACHE=on, of the rival’s', 100 * costOfRivals.cached.median, 7, '%'),
    // The read itself is one. The rest are renewals: one per node and session every five seconds.
    atMost('Redis round trips a request', roundTrips.ours.median, 1.05),
    atMost('Redis round trips with SESSION_CACHE=on', roundTrips.cached.median, 0.05),
    atMost(
      'Bytes appended a request, of the rival’s',
      (100 * appendedBytes.ours.median) / appendedBytes.rival.median,
      2,
      '%',
    ),
    atLeast('Requests a second, of the floor’s', 100 * ofFloor, 75, '%'),
    atMost(
      'Until every node rejects an ended session, p99, with SESSION_CACHE=on',
      revocation.untilRefusedMs.p99,
      50,
      'ms',
    ),
  ]
}

const count = (sessions = 0) => sessions.toLocaleString('en')

/** What many sessions cost. */
function sizeBars({ memory }: Summary): Bar[] {
  const [smallest, largest] = [memory.ours[0]?.size, memory.ours.at(-1)?.size]
  const { oneEach } = memory
  const bytesOf = (all: typeof memory.ours) => all.find(({ size }) => size === largest)?.bytes ?? Number.NaN
  const growthOf = (operation: string) => {
    const times = memory.operations.filter((one) => one.operation === operation).map(({ ms }) => ms)
    return (times.at(-1) ?? Number.NaN) / (times[0] ?? Number.NaN)
  }
  return [
    atMost(
      `Memory a session with ${count(largest)}, of the rival’s`,
      (100 * bytesOf(memory.ours)) / bytesOf(memory.rivals),
      100,
      '%',
    ),
    atMost(`Memory a session with one for each user, of the rival’s`, (100 * oneEach.ours) / oneEach.rivals, 100, '%'),
    // Constant, except for a cold processor cache and one more tree level.
    ...['Login', 'List', 'Revoke'].map((operation) =>
      atMost(
        `${operation}: time with ${count(largest)} sessions, of that with ${count(smallest)}`,
        growthOf(operation.toLowerCase()),
        2,
      ),
    ),
  ]
}
