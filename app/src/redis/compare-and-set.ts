import type { CommandParser } from 'redis'
import { pushCall } from './function-library.ts'

interface Renewal {
  ttlMs: number
  renewMs: number
  latestEndMs: number
}

/** Redis's clock, and when the key now ends, in milliseconds since 1970. */
export interface Renewed {
  nowMs: number
  endsMs: number
}

/**
 * Writes that happen only if the value is still the one that was read, each a function on one key: see app/redis/functions.lua.
 * Redis 8.0 has no command for it (SET … IFEQ came with 8.4).
 */
export const compareAndSet = {
  /**
   * Lets the key live for `ttlMs` from now, by Redis's clock, but not past `latestEndMs` (since 1970). A key that was given
   * so long a life within the last `renewMs` is left as it is: another node has renewed it, and every write costs.
   * Gives null if the value has changed or is gone.
   */
  expireIfUnchanged: {
    parseCommand(parser: CommandParser, key: string, value: string, { ttlMs, renewMs, latestEndMs }: Renewal) {
      pushCall(parser, 'expire_if_unchanged', key, value, String(ttlMs), String(renewMs), String(latestEndMs))
    },
    transformReply: (reply: [number, number] | null): Renewed | null => reply && { nowMs: reply[0], endsMs: reply[1] },
  },

  /** Puts `next` in the place of `value`, to live for `ttlMs`. False if the value has changed or is gone. */
  setIfUnchanged: {
    parseCommand(parser: CommandParser, key: string, value: string, next: string, ttlMs: number) {
      pushCall(parser, 'set_if_unchanged', key, value, next, String(ttlMs))
    },
    transformReply: (reply: number) => reply === 1,
  },
}
