import type { RedisConnection } from '../redis/connection.ts'
import type { RedisClient } from '../redis/create-client.ts'
import { ifWrongType } from '../redis/errors.ts'

type Commands<T> = (client: RedisClient) => Promise<T>

export type KeyCommands = ReturnType<typeof createKeyCommands>

/** Sends the commands of single keys of sessions, and keeps the cache right. */
export function createKeyCommands(redis: RedisConnection) {
  const keyOf = redis.keys.session

  /** Data of another type has the reply `instead`. */
  const send = <T>(key: string, commands: Commands<T>, instead: T) =>
    ifWrongType(redis.run(key, commands), () => instead)

  /** To be called after the key was changed, or was found to have changed. */
  const forget = (name: string) => redis.forget(keyOf(name))

  /** `via`: how rare the change is. */
  async function change<T>(name: string, commands: Commands<T>, instead: T, via: RedisConnection['run']): Promise<T> {
    try {
      return await ifWrongType(via(keyOf(name), commands), () => instead)
    } finally {
      // Also after an error: the change may have been made.
      forget(name)
    }
  }

  return { keyOf, send, forget, change }
}
