import { MultiErrorReply } from '@redis/client'
import type { Logger } from '../logger.ts'

/** A command failed: Redis is unreachable, too slow, or rejected it. The cause says which. */
export class RedisUnavailable extends Error {
  override readonly name: string = 'RedisUnavailable'
}

/** There is no connection, so no command was sent. Another node may have one. */
export class RedisDisconnected extends RedisUnavailable {
  override readonly name = 'RedisDisconnected'
}

/** A key holds data that this application did not write: another type, or text where a count is expected. */
export class RedisWrongType extends RedisUnavailable {
  override readonly name = 'RedisWrongType'
}

/** A key that the whole stack shares holds data of another program. That program may need it, so it is not replaced. */
export class ForeignKey extends RedisUnavailable {
  override readonly name = 'ForeignKey'
}

/** The server is a replica. It rejects writes, or loses them with the next synchronisation. */
export class RedisIsReplica extends Error {
  override readonly name = 'RedisIsReplica'
}

/** The primary has fewer replicas than it demands. The others may have another primary by now. */
export class LacksReplicas extends Error {
  override readonly name = 'LacksReplicas'
}

/** A write was done, and too few replicas confirmed it in time. Another primary may never hear of it. */
export class NotReplicated extends RedisUnavailable {
  override readonly name = 'NotReplicated'
}

/** The functions of the application are not in Redis, and cannot be loaded. The message says what to do. */
export class FunctionsMissing extends Error {
  override readonly name = 'FunctionsMissing'
}

/** Redis 6 puts the code of an error inside a script behind "Error running script". */
const WRONG_TYPE = /\bWRONGTYPE\b|value is not an integer/
/** A replica rejects a write, or has lost its primary. Redis still loads its data, or was replaced by an empty one. */
const CANNOT_SERVE = /\b(READONLY|MASTERDOWN|LOADING|Function not found)\b/

export const NO_REPLICAS = /\bNOREPLICAS\b/

/** The error of a command as the rest of the application knows it. */
export function toRedisError(error: unknown): RedisUnavailable {
  if (error instanceof RedisUnavailable) return error
  const reason = describe(error)
  const Known = WRONG_TYPE.test(reason) ? RedisWrongType : RedisUnavailable
  return new Known(reason, { cause: error })
}

/** Whether this server cannot serve. After a failover another server may have the same name. */
export const needsAnotherConnection = (error: unknown) =>
  error instanceof RedisIsReplica || error instanceof LacksReplicas || CANNOT_SERVE.test(describe(error))

/** Waits for `work`. If the key holds data of another type, the result is that of `instead`. */
export async function ifWrongType<T, U = T>(work: Promise<T>, instead: () => U | Promise<U>): Promise<T | U> {
  try {
    return await work
  } catch (error) {
    if (error instanceof RedisWrongType) return instead()
    throw error
  }
}

export const foreignKey = (key: string) =>
  new ForeignKey(`The Redis key "${key}" holds data of another program. Set KEY_PREFIX to get keys of your own`)

/** Logs that another program uses a key of this stack: once, however often it is found, until it is gone again. */
export function createForeignKeyLog(key: string, log: Logger) {
  let isLogged = false
  return {
    found(): void {
      if (!isLogged) log.error(foreignKey(key).message)
      isLogged = true
    },
    gone(): void {
      isLogged = false
    },
  }
}

export function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'the connection was closed'
  // ECONNREFUSED on both ::1 and 127.0.0.1 arrives as an AggregateError with an empty message.
  if (error instanceof AggregateError) return error.errors.map(describe).join(', ')
  if (error instanceof MultiErrorReply) return [...error.errors()].map(describe).join(', ')
  return error.message || error.name
}
