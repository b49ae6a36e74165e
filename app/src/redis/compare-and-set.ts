import { type CommandParser, defineScript } from 'redis'

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
 * Writes that happen only if the value is still the one that was read, each a script on one key. Redis 8.0 has no
 * command for it (SET … IFEQ came with 8.4). Each script is one step: nothing comes between its look and its write.
 * https://redis.io/docs/latest/develop/programmability/eval-intro/
 */
export const compareAndSet = {
  /**
   * Lets the key live for `ttlMs` from now, by Redis's clock, but not past `latestEndMs` (since 1970). A key that was given
   * so long a life within the last `renewMs` is left as it is: another node has renewed it, and every write costs.
   * Gives null if the value has changed or is gone.
   */
  expireIfUnchanged: defineScript({
    NUMBER_OF_KEYS: 1,
    SCRIPT: `
      if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
      local time = redis.call('TIME')
      local now = time[1] * 1000 + math.floor(time[2] / 1000)
      local latest = tonumber(ARGV[4])
      local ends = math.min(now + ARGV[2], latest)
      local current = redis.call('PEXPIRETIME', KEYS[1])
      if ends - current < tonumber(ARGV[3]) and ends ~= latest then return { now, current } end
      if ends ~= current then redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', ends)) end
      return { now, ends }`,
    parseCommand(parser: CommandParser, key: string, value: string, { ttlMs, renewMs, latestEndMs }: Renewal) {
      parser.pushKey(key)
      parser.push(value, String(ttlMs), String(renewMs), String(latestEndMs))
    },
    transformReply: (reply: [number, number] | null): Renewed | null => reply && { nowMs: reply[0], endsMs: reply[1] },
  }),

  /** Puts `next` in the place of `value`, to live for `ttlMs`. False if the value has changed or is gone. */
  setIfUnchanged: defineScript({
    NUMBER_OF_KEYS: 1,
    SCRIPT: `
      if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
      redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
      return 1`,
    parseCommand(parser: CommandParser, key: string, value: string, next: string, ttlMs: number) {
      parser.pushKey(key)
      parser.push(value, next, String(ttlMs))
    },
    transformReply: (reply: number) => reply === 1,
  }),
}
