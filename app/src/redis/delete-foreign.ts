import { type CommandParser, defineScript } from 'redis'

function parseCommand(parser: CommandParser, key: string) {
  parser.pushKey(key)
}
const transformReply = (reply: number) => reply === 1

/**
 * Delete a key that holds data of another program, and return whether they did. Check and deletion are one step, because
 * another node may have replaced the data already. The application's Redis user may not send TYPE.
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
