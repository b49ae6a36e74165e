import type { CommandParser } from 'redis'
import type { RedisClient } from './create-client.ts'
import { pushCall } from './function-library.ts'

export interface Counted {
  count: number
  /** Until the count is forgotten. */
  ttlMs: number
}

export const counting = {
  /**
   * Adds `by` to a count, which is forgotten `windowSeconds` after its first use.
   * Fails like INCRBY if the key holds something else.
   */
  count: {
    parseCommand(parser: CommandParser, key: string, by: number, windowSeconds: number) {
      pushCall(parser, 'count', key, String(by), String(windowSeconds))
    },
    transformReply: ([count, ttlMs]: [number, number]): Counted => ({ count, ttlMs }),
  },
}

/**
 * The client as rate-limiter-flexible uses it with `useRedisPackage`. The library sends a script (EVAL) to count; the function
 * `count` does the same, and the application's Redis user may send no scripts.
 */
export const limiterClient = (client: RedisClient) => ({
  multi: () => client.multi(),
  del: (key: string) => client.del(key),
  async eval(_script: string, { keys: [key = ''], arguments: [by, windowSeconds] }: Script): Promise<[number, number]> {
    const { count, ttlMs } = await client.atomic.count(key, Number(by), Number(windowSeconds))
    return [count, ttlMs]
  },
})

interface Script {
  keys: string[]
  arguments: string[]
}
