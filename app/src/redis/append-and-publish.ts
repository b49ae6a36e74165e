import type { Entry } from './atomic.ts'
import type { RedisClient } from './create-client.ts'
import { describe } from './errors.ts'

/** `isForeign`: the key holds data of another program. */
type Appended = 'kept' | 'published' | 'isForeign'

/** Redis is full; it cannot write to its disk; it has too few replicas. It can still publish. */
const STORES_NOTHING = /^(OOM|MISCONF|NOREPLICAS)\b/

/**
 * Adds an entry to a capped stream and publishes it, with its id in front, on a channel. Both happen in one step, so a
 * listener receives the entries in the order of the stream, and "all after this id" is never less than what was missed.
 * A Redis that stores nothing publishes the entry without an id. On a replica it fails: the client needs another connection.
 */
export async function appendAndPublish(client: RedisClient, key: string, entry: Entry): Promise<Appended> {
  try {
    return await client.atomic.append(key, entry)
  } catch (error) {
    if (!STORES_NOTHING.test(describe(error))) throw error
    await client.publish(entry.channel, ` ${entry.text}`)
    return 'published'
  }
}
