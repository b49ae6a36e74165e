import type { EventLog } from '../events/event-log.ts'
import { withDeadline } from '../redis/deadline.ts'

/** Usually it takes a round trip to Redis. */
const HEARD_MS = 1_000

/**
 * Publishes that this node is stopping. Resolves when this node has received the event itself, so its own pages get it before their
 * streams end. Does not throw: without Redis, no page gets it.
 */
export async function announceDrain(events: Pick<EventLog, 'append' | 'listen'>, node: string): Promise<void> {
  let stopListening = () => {}
  const heard = new Promise<void>((resolve) => {
    stopListening = events.listen({
      onEvent({ event }) {
        if (event.type === 'node_draining' && event.node === node) resolve()
      },
    })
  })
  const isPublished = await events.append({ type: 'node_draining', node })
  if (isPublished) await withDeadline(heard, HEARD_MS).catch(() => {})
  stopListening()
}
