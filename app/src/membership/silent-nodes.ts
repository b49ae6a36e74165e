import type { EventLog } from '../events/event-log.ts'
import type { Heartbeat, HeartbeatHash, Heartbeats } from './heartbeat-hash.ts'

/** Three heartbeats: a node that is killed is suspect within two seconds. */
const SUSPECT_MS = 1_200
/** A busy machine delays a heartbeat by seconds. A node that is silent for longer than this has left. */
const GONE_MS = 5_000

export const isLate = ({ seenAt }: Heartbeat, now: number) => now - seenAt > SUSPECT_MS

/** A malformed heartbeat counts as gone. */
export const isGone = (heartbeat: Heartbeat | undefined, now: number) =>
  heartbeat === undefined || now - heartbeat.seenAt > GONE_MS

/** Returns a function that reports nodes whose heartbeats are late or missing. `now` is the time of the Redis server. */
export function createSilenceReport(hash: HeartbeatHash, events: Pick<EventLog, 'append' | 'announce'>) {
  /** The nodes whose heartbeat was late at the last report. */
  const suspects = new Set<string>()

  /** For the pages of this node only, and not kept in the event log: the node may still run. */
  function reportSuspect(node: string, isSuspect: boolean): void {
    if (isSuspect === suspects.has(node)) return
    if (isSuspect) suspects.add(node)
    else suspects.delete(node)
    events.announce({ type: isSuspect ? 'node_suspect' : 'node_heard', node })
  }

  return async (heartbeats: Heartbeats, now: number): Promise<void> => {
    for (const node of suspects) if (!heartbeats.has(node)) suspects.delete(node)
    for (const [node, heartbeat] of heartbeats) {
      if (heartbeat && !isGone(heartbeat, now)) reportSuspect(node, isLate(heartbeat, now))
    }
    for (const [node, heartbeat] of heartbeats) {
      // Of all nodes that notice it, the one that removes the node from the hash reports it.
      if (isGone(heartbeat, now) && (await hash.remove(node))) await events.append({ type: 'node_gone', node })
    }
  }
}
