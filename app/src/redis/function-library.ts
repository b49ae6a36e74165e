import { readFileSync } from 'node:fs'
import type { CommandParser } from 'redis'
import type { RedisClient } from './create-client.ts'
import { describe, FunctionsMissing } from './errors.ts'

/** The Redis functions of this version of the application, as FUNCTION LOAD takes them. */
export const LIBRARY = readFileSync(new URL('../../../redis/functions.lua', import.meta.url), 'utf8')
/** The name of the library, and what all its names end with. */
const [, NAME = '', SUFFIX = ''] = /^#!lua name=(sessions(_[0-9a-f]{8}))\n/.exec(LIBRARY) ?? []

/** Writes the call of a function, for a command of the client. */
export function pushCall(parser: CommandParser, name: string, key: string, ...words: string[]): void {
  parser.push('FCALL', name + SUFFIX, '1')
  parser.pushKey(key)
  parser.push(...words)
}

export const libraryCheck = {
  /** Fails if the library is not loaded. */
  functionsReady: {
    parseCommand(parser: CommandParser) {
      parser.push('FCALL', `ready${SUFFIX}`, '0')
    },
    transformReply: (reply: string) => reply,
  },
}

/**
 * Makes sure that the functions are loaded. Loads them if they are missing and this Redis user may. A Redis that was replaced by
 * an empty one has none, so each new connection asks.
 * @throws {FunctionsMissing} saying what to do, and whatever a failed connection throws
 */
export async function requireFunctions(client: RedisClient): Promise<void> {
  const reason = await refusal(client.atomic.functionsReady())
  if (reason === undefined) return
  if (!isFunctionMissing(reason)) throw explain(reason)
  const refused = await refusal(client.functionLoad(LIBRARY))
  // Another node may have been first.
  if (refused !== undefined && !/already exists/.test(refused)) throw explain(refused)
  await client.atomic.functionsReady()
}

/** Whether this is Redis's answer to the call of a function that is not loaded. */
export const isFunctionMissing = (reason: string) => /\bFunction not found\b/.test(reason)

async function refusal(sent: Promise<unknown>): Promise<string | undefined> {
  try {
    await sent
    return undefined
  } catch (error) {
    return describe(error)
  }
}

function explain(reason: string): Error {
  if (/^NOPERM\b.*fcall/i.test(reason))
    return new FunctionsMissing('This Redis user may not call functions. Grant it: ACL SETUSER <user> +fcall')
  if (/^NOPERM\b/.test(reason))
    return new FunctionsMissing(
      `The Redis functions of this version (${NAME}) are not loaded, and this Redis user may not load them. Run: make up, or as an administrator of Redis: redis-cli -x FUNCTION LOAD < app/redis/functions.lua`,
    )
  if (/unknown command/.test(reason))
    return new FunctionsMissing('This Redis has no functions. Redis 7, Valkey 7.2 or later is needed')
  return new Error(reason)
}
