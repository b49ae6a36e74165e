import { type CommandParser, defineScript } from 'redis'

/**
 * Adds an entry to a capped stream and publishes it, with its id in front, on the channel of the same name. In one step:
 * whoever listens hears the entries in the order in which they lie in the stream, so "all after this id" is never less
 * than what was missed. Added by the client as commands of its own.
 */
export const appendAndPublish = {
  appendAndPublish: defineScript({
    NUMBER_OF_KEYS: 1,
    // A Redis that is full refuses the entry (XADD), but can still tell those who listen. It then has no id.
    SCRIPT: `
      local id = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'event', ARGV[2])
      if type(id) == 'table' then id = '' end
      redis.call('PUBLISH', KEYS[1], id .. ' ' .. ARGV[2])
      return id`,
    parseCommand(parser: CommandParser, key: string, text: string, most: number) {
      parser.pushKey(key)
      parser.push(String(most), text)
    },
    transformReply: (reply: string) => reply,
  }),
}
