import { z } from 'zod'

const endedSchema = z.object({
  name: z.string(),
  seconds: z.number(),
  result: z.enum(['passed', 'failed', 'skipped']),
  /** Why it failed or was skipped. */
  reason: z.string().optional(),
})

/** A message from the reporter in the process of a test file to the runner. */
const messageSchema = z.union([
  z.object({ ended: endedSchema }),
  z.object({ started: z.string() }),
  /** A suite, or a test that was not chosen. It has ended and is not counted. */
  z.object({ uncounted: z.string() }),
])

export type Ended = z.infer<typeof endedSchema>
export type Message = z.infer<typeof messageSchema>

/** The record separator. A line that starts with it is a message. All other lines are output of the tests. */
export const MARK = '\x1e'

/** The message in a line, or undefined if the line is output of a test. */
export function readMessage(line: string): Message | undefined {
  return line.startsWith(MARK) ? messageSchema.parse(JSON.parse(line.slice(MARK.length))) : undefined
}
