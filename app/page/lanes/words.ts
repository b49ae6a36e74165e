import { ALL_LANES, type Mark } from './record.ts'

/** The time with tenths of a second, because requests are closer than a second. */
export function timeOf({ at }: Mark): string {
  const time = new Date(performance.timeOrigin + at)
  return `${time.toLocaleTimeString([], { hour12: false })}.${Math.floor(time.getMilliseconds() / 100)}`
}

export const laneName = (lane: string) => (lane === ALL_LANES ? 'no node' : lane)

/** "app-2, 3.4 s ago: GET /api/user: honoured, 12 ms" */
export const describeMark = (mark: Mark, now: number) =>
  `${laneName(mark.lane)}, ${Math.max(0, (now - mark.at) / 1000).toFixed(1)} s ago: ${mark.text}`
