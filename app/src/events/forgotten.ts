import type { Logger } from '../logger.ts'
import type { RedisConnection } from '../redis/connection.ts'

export interface Forgotten {
  add(ids: readonly string[]): void
  /** Best effort: does not throw. What could not be deleted is tried again with the next call. */
  deleteAll(): Promise<void>
}

/**
 * The entries of a stream that were evicted from this node's memory, until they are deleted in Redis. Other nodes delete the
 * same ones: a node that is stopped leaves nothing behind, and one that has had nothing to say for `most` entries may
 * rely on the others.
 */
export function createForgotten(
  redis: RedisConnection,
  { key, most }: { key: string; most: number },
  log: Logger,
): Forgotten {
  let forgotten: string[] = []

  function add(ids: readonly string[]): void {
    forgotten.push(...ids)
    if (forgotten.length > most) forgotten = forgotten.slice(-most)
  }

  return {
    add,
    async deleteAll() {
      const ids = forgotten
      if (ids.length === 0) return
      forgotten = []
      try {
        await redis.run((client) => client.xDel(key, ids))
      } catch (error) {
        add(ids)
        log.debug({ reason: String(error) }, 'Old events were not deleted')
      }
    },
  }
}
