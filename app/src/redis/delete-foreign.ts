import type { CommandParser } from 'redis'
import { pushCall } from './function-library.ts'

const transformReply = (reply: number) => reply === 1

/**
 * Delete a key that holds data of another program, and return whether they did. Check and deletion are one step, because
 * another node may have replaced the data already. The application's Redis user may not send TYPE.
 */
export const deleteForeign = {
  deleteUnlessSortedSet: {
    parseCommand: (parser: CommandParser, key: string) => pushCall(parser, 'delete_unless_sorted_set', key),
    transformReply,
  },

  deleteUnlessCount: {
    parseCommand: (parser: CommandParser, key: string) => pushCall(parser, 'delete_unless_count', key),
    transformReply,
  },
}
