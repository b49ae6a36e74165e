import { type CommandParser, defineScript } from 'redis'

function parseCommand(parser: CommandParser, key: string) {
  parser.pushKey(key)
}
const transformReply = (reply: number) => reply === 1

/**
 * Delete a key whose data is not what the application keeps there, and tell whether that was so. Look and deletion are one
 * step: another node may have replaced it already. TYPE would do, but the application's Redis user may not send it.
 */
export const deleteForeign = {
  deleteUnlessSortedSet: defineScript({
    NUMBER_OF_KEYS: 1,
    SCRIPT: `
      local size = redis.pcall('ZCARD', KEYS[1])
      if type(size) ~= 'table' then return 0 end
      if not string.find(size.err, 'WRONGTYPE', 1, true) then return size end
      return redis.call('DEL', KEYS[1])`,
    parseCommand,
    transformReply,
  }),

  deleteUnlessCount: defineScript({
    NUMBER_OF_KEYS: 1,
    SCRIPT: `
      local count = redis.pcall('GET', KEYS[1])
      if type(count) == 'table' and not string.find(count.err, 'WRONGTYPE', 1, true) then return count end
      if not count or (type(count) == 'string' and string.find(count, '^%-?%d+$')) then return 0 end
      return redis.call('DEL', KEYS[1])`,
    parseCommand,
    transformReply,
  }),
}
