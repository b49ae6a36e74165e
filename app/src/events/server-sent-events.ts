import type { Response } from 'express'

/** A client that reads more slowly than this much is written is cut off; it can come back and go on where it was. */
const LONGEST_BACKLOG_BYTES = 65_536

/** One message of a stream: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export function format({ data, ...fields }: { data: object } & Record<string, unknown>): string {
  const lines = Object.entries({ ...fields, data: JSON.stringify(data) })
  return `${lines.flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\n`])).join('')}\n`
}

/** Writes it, unless the stream has ended. Cuts off a client that does not read. */
export function send(res: Response, text: string): void {
  if (res.writableEnded) return
  if (res.writableLength > LONGEST_BACKLOG_BYTES) res.destroy()
  else res.write(text)
}
