import type { RedisClient } from './create-client.ts'
import { NotReplicated } from './errors.ts'
import type { Link } from './link.ts'

/** After a write that was not confirmed, one that can wait is not attempted for this long. */
const PAUSE_MS = 1_000

export type ReplicatedWrites = ReturnType<typeof createReplicatedWrites>

/**
 * Rare writes, which count as done when so many replicas have them. Without that, a failover loses what a user was told:
 * a login, a new token, or, worse, a logout.
 *
 * WAIT needs the connection that wrote, and Redis executes nothing else of that connection meanwhile. So `link` must be one
 * of its own. Writes whose replies arrive during a WAIT were executed before it, so they share it.
 * https://redis.io/docs/latest/commands/wait/
 */
export function createReplicatedWrites(link: Link, { replicas, deadlineMs }: { replicas: number; deadlineMs: number }) {
  const waits = new WeakMap<RedisClient, Promise<number>>()
  let lackedAt = Number.NEGATIVE_INFINITY

  /** Resolves with the number of replicas that have all writes of this client. */
  function waitForReplicas(client: RedisClient, untilMs: number): Promise<number> {
    const underWay = waits.get(client)
    if (underWay) return underWay
    // 0 would mean without end. The rest of the deadline is for the reply.
    const timeoutMs = Math.max(1, Math.floor((untilMs - performance.now()) * 0.9))
    const wait = client.wait(replicas, timeoutMs).finally(() => waits.delete(client))
    waits.set(client, wait)
    return wait
  }

  return {
    /** @throws {NotReplicated} if the write was done, and too few replicas have it in time */
    write<T>(key: string, send: (client: RedisClient) => Promise<T>): Promise<T> {
      const untilMs = performance.now() + deadlineMs
      return link.run(key, async (client) => {
        const reply = await send(client)
        const confirmed = await waitForReplicas(client, untilMs)
        if (confirmed >= replicas) return reply
        lackedAt = performance.now()
        throw new NotReplicated(`${confirmed} of ${replicas} replicas have confirmed the write`)
      })
    },

    /** Whether the last write that was not confirmed is so recent that another one is likely to fail too. */
    isLacking: () => performance.now() - lackedAt < PAUSE_MS,
  }
}
