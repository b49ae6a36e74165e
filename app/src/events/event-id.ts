/**
 * The ids of a Redis stream: milliseconds since 1970 by Redis's clock, a dash, and a number within the millisecond.
 * https://redis.io/docs/latest/develop/data-types/streams/#entry-ids
 */
const SHAPE = /^(\d{1,15})-(\d{1,15})$/

/** The id as given by a client, or undefined if it is none. */
export const asEventId = (text: string | undefined) => (text !== undefined && SHAPE.test(text) ? text : undefined)

/** Whether one id stands after another, and so after none. What has no id stands nowhere. */
export function isAfter(id: string | undefined, other: string | undefined): boolean {
  if (id === undefined) return false
  if (other === undefined) return true
  const [ms, count] = partsOf(id)
  const [otherMs, otherCount] = partsOf(other)
  return ms > otherMs || (ms === otherMs && count > otherCount)
}

/** When the event was written, in milliseconds since 1970 by Redis's clock. */
export const timeOf = (id: string) => partsOf(id)[0]

function partsOf(id: string): [number, number] {
  const [, ms, count] = SHAPE.exec(id) ?? []
  return [Number(ms), Number(count)]
}
