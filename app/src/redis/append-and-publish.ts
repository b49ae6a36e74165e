import { type CommandParser, defineScript } from 'redis'

interface Entry {
  channel: string
  text: string
  /** About how many entries the stream keeps. */
  most: number
}

/** `isForeign`: the key holds data of another program. */
export type Appended = 'kept' | 'published' | 'isForeign'

/**
 * Adds an entry to a capped stream and publishes it, with its id in front, on a channel. Both happen in one step, so a
 * listener receives the entries in the order of the stream, and "all after this id" is never less than what was missed.
 * The client gets it as a command of its own.
 */
export const appendAndPublish = {
  appendAndPublish: defineScript({
    NUMBER_OF_KEYS: 1,
    // A Redis that is full refuses the entry (XADD), but can still tell those who listen. It then has no id. The same
    // if the key is of another type. On a replica the script fails: the client needs another connection.
    SCRIPT: `
      local id = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'event', ARGV[2])
      local outcome = 'kept'
      if type(id) == 'table' then
        if string.find(id.err, 'READONLY', 1, true) then return id end
        outcome = string.find(id.err, 'WRONGTYPE', 1, true) and 'isForeign' or 'published'
        id = ''
      end
      redis.call('PUBLISH', ARGV[3], id .. ' ' .. ARGV[2])
      return outcome`,
    parseCommand(parser: CommandParser, key: string, { channel, text, most }: Entry) {
      parser.pushKey(key)
      parser.push(String(most), text, channel)
    },
    transformReply: (reply: Appended) => reply,
  }),
}
