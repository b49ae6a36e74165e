import { readFileSync } from 'node:fs'
import type { CommandParser } from '@redis/client'

/** The Redis functions of this version of the application, as FUNCTION LOAD takes them. */
export const LIBRARY = readFileSync(new URL('../../../redis/functions.lua', import.meta.url), 'utf8')
/** The name of the library, and the end of its name and of all function names. */
export const [, LIBRARY_NAME = '', SUFFIX = ''] = /^#!lua name=(sessions(_[0-9a-f]{8}))\n/.exec(LIBRARY) ?? []

export interface Renewal {
  ttlMs: number
  renewMs: number
  latestEndMs: number
}

/** Redis's clock, and when the key now expires, in milliseconds since 1970. */
export interface Renewed {
  nowMs: number
  endsMs: number
}

export interface Entry {
  channel: string
  text: string
  /** About how many entries the stream keeps. */
  most: number
}

/** How many logins there may be, and how long each count of them lasts. Checks are those of passwords, not finished. */
export interface LoginLimits {
  maxFailures: number
  failuresMs: number
  maxLogins: number
  loginsMs: number
  checksMs: number
}

/** Why no password may be checked: too many failures, or too many logins. */
export type TooMany = { reason: 'failures' | 'logins'; seconds: number }

/** 'busy' if the outcome of other checks decides. */
export type Begun = { startedAt: number } | TooMany | 'busy'

export type Outcome = 'failed' | 'succeeded' | 'forgiven' | 'abandoned'

export interface IndexEntry {
  name: string
  endMs: number
  /** How long the index lasts from now. */
  lastsMs: number
}

function pushLimits(parser: CommandParser, name: string, key: string, limits: LoginLimits, ...words: string[]): void {
  const { maxFailures, failuresMs, maxLogins, loginsMs, checksMs } = limits
  const numbers = [maxFailures, failuresMs, maxLogins, loginsMs, checksMs].map(String)
  pushCall(parser, name, key, ...numbers, ...words)
}

function pushCall(parser: CommandParser, name: string, key: string, ...words: string[]): void {
  parser.push('FCALL', name + SUFFIX, '1')
  parser.pushKey(key)
  parser.push(...words)
}

const isOne = (reply: number) => reply === 1

/** The calls of the Redis functions (app/redis/functions.lua), as client.atomic.NAME. Each runs in one step, on one key. */
export const atomic = {
  /**
   * Sets the TTL to `ttlMs`, but not past `latestEndMs` (since 1970), by the clock of Redis. Does not change a key that got
   * this TTL within the last `renewMs`: another node has renewed it, and every write costs. Null if the value is not `value`.
   * Redis 8.0 has no command for this (SET … IFEQ came with 8.4).
   */
  expireIfUnchanged: {
    parseCommand(parser: CommandParser, key: string, value: string, { ttlMs, renewMs, latestEndMs }: Renewal) {
      pushCall(parser, 'expire_if_unchanged', key, value, String(ttlMs), String(renewMs), String(latestEndMs))
    },
    transformReply: (reply: [number, number] | null): Renewed | null => reply && { nowMs: reply[0], endsMs: reply[1] },
  },

  /** Replaces `value` by `next`, with a TTL of `ttlMs`. False if the value is not `value`. */
  setIfUnchanged: {
    parseCommand(parser: CommandParser, key: string, value: string, next: string, ttlMs: number) {
      pushCall(parser, 'set_if_unchanged', key, value, next, String(ttlMs))
    },
    transformReply: isOne,
  },

  /** The same, with the TTL that the key has. */
  updateIfUnchanged: {
    parseCommand(parser: CommandParser, key: string, value: string, next: string) {
      pushCall(parser, 'update_if_unchanged', key, value, next)
    },
    transformReply: isOne,
  },

  /** Deletes a session, and returns its value. Only returns a pointer to the new token of a session. Null if there is nothing. */
  takeSession: {
    parseCommand: (parser: CommandParser, key: string) => pushCall(parser, 'take_session', key),
    transformReply: (reply: string | null) => reply,
  },

  /** Writes the heartbeat of a node: membership/heartbeat-hash.ts. `all`: names and heartbeats in turn. */
  beat: {
    parseCommand: (parser: CommandParser, key: string, node: string, json: string) =>
      pushCall(parser, 'beat', key, node, json),
    transformReply: ([nowMs, added, all]: [number, number, string[]]) => ({ nowMs, isNew: isOne(added), all }),
  },

  /** Adds an entry to the index of a user's sessions: sessions/user-index.ts. `endMs` is since 1970. */
  addToIndex: {
    parseCommand(parser: CommandParser, key: string, { name, endMs, lastsMs }: IndexEntry) {
      pushCall(parser, 'add_to_index', key, name, String(endMs), String(lastsMs))
    },
    transformReply: ([size, wasForeign]: [number, number]) => ({ size, wasForeign: isOne(wasForeign) }),
  },

  /** Undefined if a password may be checked. */
  lookAtLogins: {
    parseCommand: (parser: CommandParser, key: string, limits: LoginLimits) =>
      pushLimits(parser, 'look_at_logins', key, limits),
    transformReply: ([found, seconds]: [TooMany['reason'] | 'free', number]): TooMany | undefined =>
      found === 'free' ? undefined : { reason: found, seconds },
  },
  /** Counts a check. `startedAt`: the time of Redis, in milliseconds since 1970. */
  beginLogin: {
    parseCommand: (parser: CommandParser, key: string, limits: LoginLimits) =>
      pushLimits(parser, 'begin_login', key, limits),
    transformReply: ([found, number]: [TooMany['reason'] | 'begun' | 'busy', number]): Begun => {
      if (found === 'busy') return 'busy'
      return found === 'begun' ? { startedAt: number } : { reason: found, seconds: number }
    },
  },
  /** Ends a check and counts its outcome. */
  endLogin: {
    parseCommand: (parser: CommandParser, key: string, limits: LoginLimits, outcome: Outcome) =>
      pushLimits(parser, 'end_login', key, limits, outcome),
    transformReply: () => undefined,
  },

  /** Adds an entry to a stream and publishes it: append-and-publish.ts. */
  append: {
    parseCommand(parser: CommandParser, key: string, { channel, text, most }: Entry) {
      pushCall(parser, 'append_and_publish', key, String(most), text, channel)
    },
    transformReply: (reply: 'kept' | 'isForeign') => reply,
  },

  /** Writes what is at the key once more, so that the wait for replicas covers all that was written there before. */
  settle: {
    parseCommand: (parser: CommandParser, key: string) => pushCall(parser, 'settle', key),
    transformReply: isOne,
  },

  /** Fails if this server accepts no writes now. */
  writable: {
    parseCommand: (parser: CommandParser) => parser.push('FCALL', `writable${SUFFIX}`, '0'),
    transformReply: (reply: string) => reply,
  },

  /** Fails if the library is not loaded. */
  functionsReady: {
    parseCommand: (parser: CommandParser) => parser.push('FCALL', `ready${SUFFIX}`, '0'),
    transformReply: (reply: string) => reply,
  },
}
