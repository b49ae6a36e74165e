import type { RedisConnection } from '../redis/connection.ts'

export type Readiness = ReturnType<typeof createReadiness>

export function createReadiness(isDraining: () => boolean, redis: RedisConnection) {
  return {
    /** Why the node cannot serve, as a sentence, or undefined if it can. Sends a command to Redis. */
    whyNotReady: async () => (isDraining() ? 'This node is draining.' : redis.whyNotReady()),
    /** Problems that do not stop the node from serving, one sentence each. */
    warnings: redis.warnings,
  }
}
